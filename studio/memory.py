"""What this process asks of the C library's allocator: to give large pieces of memory back at once.

glibc raises the size from which a piece is mapped by itself with each mapped piece that is freed, up to 32 MiB. After
the first large picture its pixels (Pillow asks for them in pieces of 16 MiB) would come from the heaps of threads, of
which there are eight a processor, and stay there: docs/decisions/15-large-pictures-take-turns.md has the figures.
"""

import ctypes

# The parameters of mallopt(3), and their values: bytes, bytes, and a count.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
MAPPED_FROM_BYTES = 1024 * 1024  # what a request usually asks for stays below, and is as quick as ever
KEPT_BYTES = 4 * 1024 * 1024  # free at the end of a heap; below it the kernel is not asked at all
HEAPS = 2  # threads wait for Python's lock, hardly ever for a heap


def give_back() -> bool:
    """Set it up, before there are threads; False where the C library has no such parameters (musl, macOS)."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # no such function, or no C library to be found by this name
        return False
    values = {_M_MMAP_THRESHOLD: MAPPED_FROM_BYTES, _M_TRIM_THRESHOLD: KEPT_BYTES, _M_ARENA_MAX: HEAPS}
    return bool(min(mallopt(parameter, value) for parameter, value in values.items()))
