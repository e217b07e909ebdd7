"""How much picture decoding one request may ask for, and how much of it a process does at once.

A file of 0.2 MB can hold 50 megapixels, which are up to 13 bytes each while they are looked at, and a second of work.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from studio.errors import Unavailable
from studio.http import active_requests

# Pixels in memory at once, of all threads: 650 and 104 MB at the 13 bytes of the costliest kind (docs/decisions/15-…).
# The first is the largest picture that is taken by default; small ones do not wait for those.
ROOM_PIXELS, SMALL_PIXELS = 50_000_000, 8_000_000
WAIT_SECONDS = 40.0  # that one request, or one step of a job, waits for room; proxies give up after 60, usually
RETRY_SECONDS = 10


class PicturesBusy(Unavailable):
    """Too many pictures are being decoded; nothing is wrong with this one."""

    code = "pictures_busy"
    message = "Too many images are being processed. Please try again in a moment."
    retry_after_seconds = RETRY_SECONDS


@dataclass
class _Allowance:
    """What is left to one request."""

    pixels: int
    seconds: float


_left: ContextVar[_Allowance | None] = ContextVar("allowance", default=None)


@contextmanager
def limited(pixels: int) -> Iterator[None]:
    """Inside, pictures may have so many pixels together. In a worker or a command there is no limit."""
    token = _left.set(_Allowance(pixels, WAIT_SECONDS))
    try:
        yield
    finally:
        _left.reset(token)


def spend(pixels: int) -> bool:
    """Take them from what is left; False where there is less, and then nothing more can be had."""
    left = _left.get()
    if left is None:
        return True
    is_enough = pixels <= left.pixels
    left.pixels = max(left.pixels - pixels, 0)
    return is_enough


class Room:
    """So many pixels, shared by threads: first come, first served, so that small pictures do not starve a large one."""

    def __init__(self, pixels: int) -> None:
        self._all = self._free = pixels
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    def take(self, pixels: int, *, seconds: float) -> int:
        """How many were taken: of a picture larger than the whole room, all. 0 where others kept it for so long."""
        wanted = max(1, min(pixels, self._all))
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            try:  # RQ ends a step that takes too long with an exception, wherever its thread is
                is_mine = self._changed.wait_for(lambda: self._is_next(ticket, wanted), seconds)
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()  # who comes next may fit in beside it, once we let go
            if is_mine:
                self._free -= wanted
        return wanted if is_mine else 0

    def _is_next(self, ticket: object, wanted: int) -> bool:
        return self._queue[0] is ticket and wanted <= self._free

    def give_back(self, pixels: int) -> None:
        """Free these pixels for the pictures that wait."""
        with self._changed:
            self._free += pixels
            self._changed.notify_all()


_large, _small = Room(ROOM_PIXELS), Room(SMALL_PIXELS)


@contextmanager
def room_for(pixels: int) -> Iterator[None]:
    """To be held while a picture of that size is in memory, and by no thread twice.

    Who has to wait holds neither a slot nor a connection meanwhile (studio.http.active_requests). Raises PicturesBusy.
    """
    room = _small if pixels <= SMALL_PIXELS else _large
    taken = room.take(pixels, seconds=0) or _after_others(room, pixels)
    try:
        yield
    finally:
        room.give_back(taken)


def _after_others(room: Room, pixels: int) -> int:
    left = _left.get() or _Allowance(0, WAIT_SECONDS)
    began_at = time.monotonic()
    with active_requests.without_slot():
        taken = room.take(pixels, seconds=left.seconds)
        left.seconds = max(left.seconds - (time.monotonic() - began_at), 0)
    if not taken:
        raise PicturesBusy
    return taken
