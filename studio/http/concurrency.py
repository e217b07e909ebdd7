"""Limits the threads of a web process that wait for something slow, so that some always stay free.

Slow are: sending a file, receiving a large body, calling a storage service, and draining a refused client's connection.
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
PER_USER = 8  # uploads, or waits for a storage service; a browser opens six connections to a host

user: ContextVar[uuid.UUID | None] = ContextVar("user", default=None)  # the id of the request's user
_permits = threading.Semaphore(48)
_local = threading.local()  # `has_permit`: whether this thread's request holds one until its end


def allow(*, threads: int) -> None:
    """Let all threads of the process but 16 wait; half of them if there are fewer than 32."""
    global _permits  # noqa: PLW0603 - one for the process, like its threads
    _permits = threading.Semaphore(max(threads - KEPT_FREE, threads // 2, 1))


def acquire() -> Callable[[], None] | None:
    """A permit's release, to be called once; None if no permit is free."""
    permits = _permits
    return permits.release if permits.acquire(blocking=False) else None


@contextmanager
def permit() -> Iterator[bool]:
    """Hold a permit for the time of a request; yields False if none is free."""
    release = acquire()
    _local.has_permit = release is not None
    try:
        yield release is not None
    finally:
        _local.has_permit = False
        if release:
            release()


class PerUserLimit:
    """Limits something to PER_USER at once per user, in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: Counter[uuid.UUID] = Counter()

    def acquire(self, user_id: uuid.UUID) -> None:
        """Raises LimitReached."""
        with self._lock:
            if self._taken[user_id] >= PER_USER:
                raise LimitReached(
                    f"You have {PER_USER} uploads in progress. Please wait until one has finished.",
                    code="uploads_in_progress",
                    retry_after_seconds=5,
                )
            self._taken[user_id] += 1

    def release(self, user_id: uuid.UUID) -> None:
        with self._lock:
            self._taken[user_id] -= 1
            if not self._taken[user_id]:
                del self._taken[user_id]

    @contextmanager
    def of(self, user_id: uuid.UUID | None) -> Iterator[None]:
        """Hold one; for None, do nothing. Raises LimitReached."""
        if user_id is None:
            yield
            return
        self.acquire(user_id)
        try:
            yield
        finally:
            self.release(user_id)


_waits = PerUserLimit()


@contextmanager
def waiting() -> Iterator[None]:
    """Around a wait for a storage service: holds a permit, and no slot.

    Raises LimitReached if PER_USER requests of the user wait already, and Unavailable if no permit is free. Outside of
    a request, in a worker for example, it does nothing.
    """
    with _waits.of(user.get()), _waiting():
        yield


@contextmanager
def _waiting() -> Iterator[None]:
    if not active_requests.holds_slot() or getattr(_local, "has_permit", False):
        with active_requests.without_slot():
            yield
        return
    with permit() as is_free:
        if not is_free:
            raise Unavailable(
                "Too many uploads are in progress. Please try again in a moment.",
                code="too_many_uploads",
                retry_after_seconds=10,
            )
        with active_requests.without_slot():
            yield
