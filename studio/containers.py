"""How picture files are built: whether one carries anything besides the picture, and how much work it asks for."""

import re
import struct
from collections.abc import Iterator
from itertools import islice

# An honest PNG has a chunk for some KiB, a progressive JPEG some ten scans. Each costs time whatever its size: ten MiB
# of empty PNG chunks take 4 s to skip, and ten MiB of empty scans over 50 megapixels more than an hour.
MOST_CHUNKS = 20_000
MOST_SCANS = 64

_PNG, _JPEG, _RIFF = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF"
_PNG_CHUNKS = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT"}
_PNG_CHUNKS |= {b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT"}
_PNG_COLOURS = {b"cICP", b"sRGB", b"gAMA", b"cHRM"}
_WEBP_CHUNKS = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}
_BMP_V5 = 124  # bytes
_JPEG_TABLES = {0xDB, 0xC4, 0xDD} | set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA
# In a scan 0xFF is followed by nothing of these: it would be a comment, an application's data or another picture.
_EXTRAS_AMONG_SCANS = re.compile(rb"\xff[\xd8\xe0-\xef\xfe]")


def is_overlong(data: bytes) -> bool:
    """Whether the file asks for far more work than a picture of its size needs. To be asked before it is decoded."""
    if data.startswith(_PNG):
        return sum(1 for _ in islice(_png_chunks(data), MOST_CHUNKS + 1)) > MOST_CHUNKS
    return data.startswith(_JPEG) and data.count(b"\xff\xda") > MOST_SCANS


def is_bare(data: bytes) -> bool:
    """Whether a PNG, JPEG or WebP holds only what it takes to show the picture: no place, camera, preview or tail.

    When in doubt it says no.
    """
    try:
        if data.startswith(_PNG):
            kinds = {kind for kind, _ in _png_chunks(data)}
            return b"IEND" in kinds and kinds <= _PNG_CHUNKS
        if data.startswith(_RIFF):
            return data.startswith(b"WEBP", 8) and set(_webp_chunks(data)) <= _WEBP_CHUNKS
        return data.startswith(_JPEG) and _is_bare_jpeg(data)
    except struct.error:  # cut short
        return False


def is_lossless_webp(data: bytes) -> bool:
    """Whether a WebP has its first picture without loss."""
    if not data.startswith(_RIFF):
        return False
    try:
        return b"VP8L" in set(_webp_chunks(data))
    except struct.error:
        return False


def png_colours(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a PNG ahead of its pixels that say what its colours are, each by its kind."""
    for kind, (start, end) in _png_chunks(data):
        if kind == b"IDAT":
            return
        if kind in _PNG_COLOURS:
            yield kind, data[start:end]


def bmp_profile(data: bytes) -> bytes:
    """The ICC profile in a BMP, for which version 5 of its header has a place; empty where there is none."""
    if not data.startswith(b"BM") or len(data) < 14 + _BMP_V5 or int.from_bytes(data[14:18], "little") != _BMP_V5:
        return b""
    space, start, length = struct.unpack_from("<4s52xII", data, 14 + 56)
    return data[14 + start : 14 + start + length] if space == b"DEBM" else b""


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """The kinds of chunks up to the end mark, with where their content is, and `tail` for what follows that."""
    at = len(_PNG)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, (at + 8, at + 8 + length)
        at += 12 + length
        if kind == b"IEND":
            break
    if at != len(data):
        yield b"tail", (at, len(data))


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


# -- What a file is, by its first bytes

# Pillow's names of the formats that we take, and what people call those that we do not. Tried in this order.
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, _PNG, "PNG"),
    (0, _JPEG, "JPEG"),
    (8, b"WEBP", "WEBP"),
    (0, b"GIF8", "GIF"),
    (8, b"CR\2", "a camera's raw picture"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"MM\0+", "TIFF"),
    (0, b"IIRO", "a camera's raw picture"),
    (0, b"IIRS", "a camera's raw picture"),
    (0, b"IIU\0", "a camera's raw picture"),
    (0, b"FUJIFILMCCD-RAW", "a camera's raw picture"),
    (4, b"JXL \r\n\x87\n", "a JPEG XL"),
    (0, b"\xff\x0a", "a JPEG XL"),
    (4, b"jP  \r\n\x87\n", "a JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000"),
    (0, b"%PDF-", "a PDF"),
    (0, b"%!PS", "a PostScript file"),
    (0, b"8BPS", "a Photoshop file (PSD)"),
    (0, b"gimp xcf", "a GIMP file (XCF)"),
    (0, b"\0\0\1\0", "an icon (ICO)"),
    (0, b"v/1\1", "an OpenEXR picture"),
    (0, b"#?RADIANCE", "a Radiance picture (HDR)"),
    (0, b"DDS ", "a DDS texture"),
    (4, b"moov", "a QuickTime video"),
    (4, b"mdat", "a QuickTime video"),
    (4, b"wide", "a QuickTime video"),
    (0, b"\x1aE\xdf\xa3", "a WebM or Matroska video"),
    (8, b"AVI ", "an AVI video"),
    (8, b"WAVE", "a sound (WAV)"),
    (0, b"PK\3\4", "a ZIP archive or an office document"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"BM", "BMP"),
)
_BRANDS = {  # of ISO base media files: the first that is among the file's own decides
    b"avif": "AVIF",
    b"avis": "AVIF",
    b"heic": "HEIF",
    b"heix": "HEIF",
    b"heim": "HEIF",
    b"heis": "HEIF",
    b"hevc": "HEIF",
    b"hevx": "HEIF",
    b"mif1": "HEIF",
    b"msf1": "HEIF",
    b"crx ": "a camera's raw picture",
    b"qt  ": "a QuickTime video",
}
_TEXT_BYTES = 4096  # enough of a text to tell what it is
_SVG = re.compile(rb"<svg[\s>]", re.IGNORECASE)
_HTML = re.compile(rb"<(!doctype html|html|head|body)[\s>]", re.IGNORECASE)


def format_of(data: bytes) -> str | None:
    """Pillow's name of the format where we might take it, what people call it where not; None for what is unknown."""
    if data.startswith(b"ftyp", 4):
        return _format_of_media(data)
    for start, signature, name in _SIGNATURES:
        if data.startswith(signature, start):
            return name
    return _kind_of_text(data[:_TEXT_BYTES])


def _format_of_media(data: bytes) -> str:
    end = min(int.from_bytes(data[:4], "big"), 256)
    own = [data[8:12], *(data[at : at + 4] for at in range(16, end, 4))]
    return next((name for brand, name in _BRANDS.items() if brand in own), "an MP4 video")


def _kind_of_text(head: bytes) -> str | None:
    if _SVG.search(head):
        return "an SVG"
    if _HTML.search(head):
        return "a web page (HTML)"
    is_text = head.isascii() and not re.search(rb"[\0-\x08\x0e-\x1f]", head)
    return "text" if is_text and head else None
