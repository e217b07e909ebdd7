"""Limits how many threads of a web process wait for something slow, so that some are always left for the rest.

Slow are a file that is sent, a large body that comes in, a storage service, and a client that sends on after a refusal.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from studio import gate
from studio.errors import Unavailable

KEPT_FREE = 16  # threads; twice as many as a process has slots by default (studio.gate)

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


@contextmanager
def waiting() -> Iterator[None]:
    """While a request waits for a storage service: with a place, and without a slot.

    Raises Unavailable where no place is free. What is no request, a worker's thread for example, just waits.
    """
    if not gate.is_inside() or getattr(_here, "has_place", False):
        with gate.away():
            yield
        return
    with with_place() as has_place:
        if not has_place:
            raise Unavailable(
                "Too many uploads are in progress. Please try again in a moment.",
                code="too_many_uploads",
                retry_after_seconds=10,
            )
        with gate.away():
            yield
