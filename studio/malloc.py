"""Has the C library's allocator return large blocks of memory to the system when they are freed.

With each large block that is freed, glibc raises the size from which it maps blocks separately, up to 32 MiB. After the
first large picture, the pixels of others (Pillow allocates 16 MiB at a time) would come from the threads' heaps, eight
per processor, and stay there. docs/decisions/15-large-pictures-take-turns.md has the figures.
"""

import ctypes

# The parameters of mallopt(3), and their values: bytes, bytes, and a count.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
MAPPED_FROM_BYTES = 1024 * 1024  # most allocations of a request are smaller, and stay as fast as they were
KEPT_BYTES = 4 * 1024 * 1024  # free memory at the end of a heap that is not returned
HEAPS = 2  # threads wait for Python's lock, hardly ever for a heap


def configure() -> bool:
    """Set the parameters, before any thread starts; False where the C library has none (musl, macOS)."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # no such function, or no C library to load under this name
        return False
    values = {_M_MMAP_THRESHOLD: MAPPED_FROM_BYTES, _M_TRIM_THRESHOLD: KEPT_BYTES, _M_ARENA_MAX: HEAPS}
    return bool(min(mallopt(parameter, value) for parameter, value in values.items()))
