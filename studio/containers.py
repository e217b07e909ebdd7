"""How picture files are built: whether one carries anything besides the picture, and how much work it asks for."""

import re
import struct
from collections.abc import Iterator

# An honest PNG has a chunk for some KiB, a progressive JPEG some ten scans. Each costs time whatever its size: ten MiB
# of empty PNG chunks take 4 s to skip, and ten MiB of empty scans over 50 megapixels more than an hour.
MOST_CHUNKS = 20_000
MOST_SCANS = 64

_PNG, _JPEG, _RIFF = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF"
_PNG_CHUNKS = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT"}
_PNG_CHUNKS |= {b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT"}
_WEBP_CHUNKS = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}
_JPEG_TABLES = {0xDB, 0xC4, 0xDD} | set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA
# In a scan 0xFF is followed by nothing of these: it would be a comment, an application's data or another picture.
_EXTRAS_AMONG_SCANS = re.compile(rb"\xff[\xd8\xe0-\xef\xfe]")


def is_overlong(data: bytes) -> bool:
    """Whether the file asks for far more work than a picture of its size needs. To be asked before it is decoded."""
    if data.startswith(_PNG):
        return sum(1 for _ in zip(_png_chunks(data), range(MOST_CHUNKS + 1), strict=False)) > MOST_CHUNKS
    return data.startswith(_JPEG) and data.count(b"\xff\xda") > MOST_SCANS


def is_bare(data: bytes) -> bool:
    """Whether a PNG, JPEG or WebP holds only what it takes to show the picture: no place, camera, preview or tail.

    When in doubt it says no.
    """
    try:
        if data.startswith(_PNG):
            kinds = set(_png_chunks(data))
            return b"IEND" in kinds and kinds <= _PNG_CHUNKS
        if data.startswith(_RIFF):
            return data.startswith(b"WEBP", 8) and set(_webp_chunks(data)) <= _WEBP_CHUNKS
        return data.startswith(_JPEG) and _is_bare_jpeg(data)
    except struct.error:  # cut short
        return False


def _png_chunks(data: bytes) -> Iterator[bytes]:
    """The kinds of chunks up to the end mark, and `tail` for what follows that."""
    at = len(_PNG)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        at += 12 + length
        yield kind
        if kind == b"IEND":
            break
    if at != len(data):
        yield b"tail"


def _webp_chunks(data: bytes) -> Iterator[bytes]:
    end = 8 + int.from_bytes(data[4:8], "little")
    at = 12
    while at < end:
        kind, length = struct.unpack_from("<4sI", data, at)
        at += 8 + length + length % 2
        yield kind
    if at != len(data):
        yield b"tail"


def _is_bare_jpeg(data: bytes) -> bool:
    at, marker = 2, 0
    while marker != _SCAN:
        start, marker, length = struct.unpack_from(">BBH", data, at)
        if start != 0xFF or not _is_needed(marker, data[at + 4 : at + 2 + length]):
            return False
        at += 2 + length
    return data.endswith(b"\xff\xd9") and _EXTRAS_AMONG_SCANS.search(data, at) is None


def _is_needed(marker: int, segment: bytes) -> bool:
    """Whether a JPEG's segment is part of the picture: tables, its resolution, its colour space."""
    if marker == 0xE0:
        return segment.startswith(b"JFIF\0") and len(segment) == 14  # longer: with a preview
    if marker == 0xE2:
        return segment.startswith(b"ICC_PROFILE\0")
    if marker == 0xEE:
        return segment.startswith(b"Adobe") and len(segment) == 12
    return marker == _SCAN or marker in _JPEG_TABLES
