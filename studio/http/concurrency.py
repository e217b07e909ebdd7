"""Limits how many threads of a web process wait for something slow, so that some are always left for the rest.

Slow are a file that is sent, a large body that comes in, a storage service, and a client that sends on after a refusal.
"""

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from studio.errors import LimitReached, Unavailable
from studio.http import active_requests

KEPT_FREE = 16  # threads; twice as many as a process has slots by default (studio.http.active_requests)
PER_PERSON = 8  # uploads, and waits for a storage service; a browser has six connections to a site

person: ContextVar[uuid.UUID | None] = ContextVar("person", default=None)  # whose request this thread works on
_places = threading.Semaphore(48)
_here = threading.local()  # `has_place`: whether this thread's request holds one until its end


def allow(*, threads: int) -> None:
    """Let all of a process's threads but 16 wait; of few threads, half."""
    global _places  # noqa: PLW0603 - one for the process, as its threads are
    _places = threading.Semaphore(max(threads - KEPT_FREE, threads // 2, 1))


def place() -> Callable[[], None] | None:
    """Take a place, if one is free. The result gives it back, once."""
    places = _places
    return places.release if places.acquire(blocking=False) else None


@contextmanager
def with_place() -> Iterator[bool]:
    """Hold a place for as long as a request takes, if one is free; whether it was."""
    release = place()
    _here.has_place = release is not None
    try:
        yield release is not None
    finally:
        _here.has_place = False
        if release:
            release()


class Share:
    """How many of something each person has at once in this process: 8 at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: Counter[uuid.UUID] = Counter()

    def take(self, user_id: uuid.UUID) -> None:
        """One more. Raises LimitReached."""
        with self._lock:
            if self._taken[user_id] >= PER_PERSON:
                raise LimitReached(
                    f"You have {PER_PERSON} uploads in progress. Please wait until one has finished.",
                    code="uploads_in_progress",
                    retry_after_seconds=5,
                )
            self._taken[user_id] += 1

    def give_back(self, user_id: uuid.UUID) -> None:
        """End one of the person's, that was taken."""
        with self._lock:
            self._taken[user_id] -= 1
            if not self._taken[user_id]:
                del self._taken[user_id]

    @contextmanager
    def of(self, user_id: uuid.UUID | None) -> Iterator[None]:
        """Hold one; without a person, none. Raises LimitReached."""
        if user_id is None:
            yield
            return
        self.take(user_id)
        try:
            yield
        finally:
            self.give_back(user_id)


_waits = Share()


@contextmanager
def waiting() -> Iterator[None]:
    """While a request waits for a storage service: with a place, and without a slot.

    Raises LimitReached where the person's requests wait 8 times, and Unavailable where no place is free. What is no
    request, a worker's thread for example, just waits.
    """
    with _waits.of(person.get()), _waiting():
        yield


@contextmanager
def _waiting() -> Iterator[None]:
    if not active_requests.holds_slot() or getattr(_here, "has_place", False):
        with active_requests.without_slot():
            yield
        return
    with with_place() as has_place:
        if not has_place:
            raise Unavailable(
                "Too many uploads are in progress. Please try again in a moment.",
                code="too_many_uploads",
                retry_after_seconds=10,
            )
        with active_requests.without_slot():
            yield
