"""How much picture decoding one request may ask for, and how much of it a process does at once.

A file of 10 MiB can hold 50 megapixels, which are 200 MB and a second of work each time they are looked at.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar

LARGE_PIXELS = 10_000_000  # some 40 MB in memory; smaller ones do not have to wait for each other

_left: ContextVar[int | None] = ContextVar("pixels_left", default=None)
_one_at_a_time = threading.Lock()


@contextmanager
def limited(pixels: int) -> Iterator[None]:
    """Inside, pictures may have so many pixels together. Elsewhere, in a worker or a command, there is no limit."""
    token = _left.set(pixels)
    try:
        yield
    finally:
        _left.reset(token)


def spend(pixels: int) -> bool:
    """Take them from what is left; False where there is less, and then nothing more can be had."""
    left = _left.get()
    if left is None:
        return True
    _left.set(max(left - pixels, 0))
    return pixels <= left


def room_for(pixels: int) -> "threading.Lock | nullcontext[None]":
    """To be held while a picture of that size is in memory: of large ones a process holds one."""
    return _one_at_a_time if pixels > LARGE_PIXELS else nullcontext()
