"""Limits the pixels that one request may decode, and those that a process decodes at once.

A file of 0.2 MB can contain 50 megapixels, which take up to 13 bytes each and a second to decode.
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

# Pixels in memory at once in all threads: 650 and 104 MB at 13 bytes a pixel, the most (docs/decisions/15-…). The first
# is the largest image accepted by default; images up to the second have a pool of their own, so they need not wait.
LARGE_PIXELS, SMALL_PIXELS = 50_000_000, 8_000_000
WAIT_SECONDS = 40.0  # for one request, or one phase of a job; proxies usually give up after 60
RETRY_SECONDS = 10


class ImagesBusy(Unavailable):
    """Too many images are being decoded; this one is fine."""

    code = "pictures_busy"
    message = "Too many images are being processed. Please try again in a moment."
    retry_after_seconds = RETRY_SECONDS


@dataclass
class _Budget:
    """What one request may still decode, and how long it may still wait."""

    pixels: int
    seconds: float


_budget: ContextVar[_Budget | None] = ContextVar("decode_budget", default=None)


@contextmanager
def request_limit(pixels: int) -> Iterator[None]:
    """Let the images decoded inside have this many pixels together. Workers and commands have no limit."""
    token = _budget.set(_Budget(pixels, WAIT_SECONDS))
    try:
        yield
    finally:
        _budget.reset(token)


def spend(pixels: int) -> bool:
    """Deduct the pixels from the request's budget; False, and nothing is left, if it has fewer."""
    budget = _budget.get()
    if budget is None:
        return True
    is_enough = pixels <= budget.pixels
    budget.pixels = max(budget.pixels - pixels, 0)
    return is_enough


class PixelPool:
    """Pixels shared by threads; first come, first served, so that small images do not starve a large one."""

    def __init__(self, pixels: int) -> None:
        self._all = self._free = pixels
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    def take(self, pixels: int, *, seconds: float) -> int:
        """Take the pixels, or all for a larger image; returns how many, and 0 after `seconds` without enough."""
        amount = max(1, min(pixels, self._all))
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            try:  # RQ's time-out raises an exception anywhere in this thread
                is_next = self._changed.wait_for(lambda: self._is_next(ticket, amount), seconds)
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()  # the next in the queue may fit as well
            if is_next:
                self._free -= amount
        return amount if is_next else 0

    def _is_next(self, ticket: object, amount: int) -> bool:
        return self._queue[0] is ticket and amount <= self._free

    def give_back(self, pixels: int) -> None:
        with self._changed:
            self._free += pixels
            self._changed.notify_all()


_large, _small = PixelPool(LARGE_PIXELS), PixelPool(SMALL_PIXELS)


@contextmanager
def reserve(pixels: int) -> Iterator[None]:
    """Hold this while an image of that size is in memory; not reentrant.

    A request that waits gives up its slot and its database connection (studio.http.active_requests). Raises ImagesBusy.
    """
    pool = _small if pixels <= SMALL_PIXELS else _large
    taken = pool.take(pixels, seconds=0) or _wait_for(pool, pixels)
    try:
        yield
    finally:
        pool.give_back(taken)


def _wait_for(pool: PixelPool, pixels: int) -> int:
    budget = _budget.get() or _Budget(0, WAIT_SECONDS)
    began_at = time.monotonic()
    with active_requests.without_slot():
        taken = pool.take(pixels, seconds=budget.seconds)
        budget.seconds = max(budget.seconds - (time.monotonic() - began_at), 0)
    if not taken:
        raise ImagesBusy
    return taken
