"""Reads the structure of image files: their format, metadata, colour chunks, and the work to decode them."""

import re
import struct
import zlib
from collections.abc import Iterator
from itertools import islice

# A real PNG has a chunk per several KiB, a progressive JPEG about ten scans. Each costs time whatever its size: 10 MiB
# of empty PNG chunks take 4 s to skip, and 10 MiB of empty scans over 50 megapixels more than an hour.
MOST_CHUNKS = 20_000
MOST_SCANS = 64

_PNG, _JPEG, _RIFF = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF"
# The chunks that a still PNG needs, and the maximum bytes of each (PNG, third edition, 11).
_PNG_CHUNKS = {b"IHDR": 13, b"PLTE": 768, b"IDAT": 2**31, b"IEND": 0, b"tRNS": 256, b"gAMA": 4, b"cHRM": 32, b"sRGB": 1}
_PNG_CHUNKS |= {b"iCCP": 2**31, b"cICP": 4, b"sBIT": 4, b"bKGD": 6, b"pHYs": 9}
_PNG_COLOURS = {b"cICP", b"sRGB", b"gAMA", b"cHRM"}
_WEBP_CHUNKS = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP"}  # of a still one
_BMP_V5 = 124  # bytes
# The offsets and steps of an interlaced PNG's passes: PNG, third edition, 8.1
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_STEP_BYTES = 1024 * 1024  # of pixels decompressed at once
_JPEG_TABLES = {0xDB, 0xC4, 0xDD} | set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN, _END = 0xDA, 0xD9
# In the data of a scan, 0xFF is followed by 0 or by the number of a restart (ITU-T T.81, B.1.1.5); several 0xFF may
# precede a marker.
_NEXT_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])")


def is_overlong(data: bytes) -> bool:
    """Whether decoding would take far more work than an image of this size needs; call it before decoding."""
    if data.startswith(_PNG):
        return sum(1 for _ in islice(_png_chunks(data), MOST_CHUNKS + 1)) > MOST_CHUNKS
    return data.startswith(_JPEG) and data.count(b"\xff\xda") > MOST_SCANS


def is_bare(data: bytes) -> bool:
    """Whether a PNG, JPEG or WebP contains the image only: no location, camera, preview or trailing bytes.

    False in doubt.
    """
    try:
        if data.startswith(_PNG):
            return _is_bare_png(data)
        if data.startswith(_RIFF):
            kinds = list(_webp_chunks(data))
            return data.startswith(b"WEBP", 8) and set(kinds) <= _WEBP_CHUNKS and len(kinds) == len(set(kinds))
        return data.startswith(_JPEG) and _is_bare_jpeg(data)
    except struct.error:  # cut short
        return False


def is_lossless_webp(data: bytes) -> bool:
    """Whether a WebP's first frame is lossless."""
    if not data.startswith(_RIFF):
        return False
    try:
        return b"VP8L" in set(_webp_chunks(data))
    except struct.error:
        return False


def png_colours(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The kind and content of a PNG's chunks on colours, ahead of its pixels."""
    for kind, (start, end) in _png_chunks(data):
        if kind == b"IDAT":
            return
        if kind in _PNG_COLOURS:
            yield kind, data[start:end]


def bmp_profile(data: bytes) -> bytes:
    """The ICC profile in a BMP with a header of version 5; empty without one."""
    if not data.startswith(b"BM") or len(data) < 14 + _BMP_V5 or int.from_bytes(data[14:18], "little") != _BMP_V5:
        return b""
    space, start, length = struct.unpack_from("<4s52xII", data, 14 + 56)
    return data[14 + start : 14 + start + length] if space == b"DEBM" else b""


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """The kind of each chunk up to the end mark and the range of its content, and `tail` for trailing bytes."""
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


def _is_bare_png(data: bytes) -> bool:
    """Whether it has known chunks only, within their maximum size, each once, and no surplus pixels."""
    kinds, pixels, left = list[bytes](), zlib.decompressobj(), _png_pixel_bytes(data)
    for kind, (start, end) in _png_chunks(data):
        if kind not in _PNG_CHUNKS or end - start > _PNG_CHUNKS[kind]:
            return False
        if kind == b"IDAT":
            left -= _decompressed(pixels, data[start:end], most=left)
            if left < 0 or pixels.unused_data:
                return False
            if kinds[-1:] == [b"IDAT"]:
                continue
        kinds.append(kind)
    return pixels.eof and kinds[-1:] == [b"IEND"] and len(kinds) == len(set(kinds))


def _decompressed(pixels: "zlib._Decompress", data: bytes, *, most: int) -> int:
    """Count the decompressed bytes in little memory; stops beyond `most` and at damaged data."""
    count = 0
    while count <= most:
        try:
            size = len(pixels.decompress(data, min(_STEP_BYTES, most + 1 - count)))
        except zlib.error:
            break
        data, count = pixels.unconsumed_tail, count + size
        if not size:
            break
    return count


def _png_pixel_bytes(data: bytes) -> int:
    """The bytes of a PNG's decompressed rows, each with its filter byte. Raises struct.error."""
    width, height, depth, colour, is_interlaced = struct.unpack_from(">IIBB2xB", data, len(_PNG) + 8)
    bits = depth * {2: 3, 4: 2, 6: 4}.get(colour, 1)
    passes = _ADAM7 if is_interlaced else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in passes:
        columns, rows = -((left - width) // across), -((top - height) // down)
        total += rows * (1 + (columns * bits + 7) // 8) if columns > 0 and rows > 0 else 0
    return total


def _is_bare_jpeg(data: bytes) -> bool:
    """Whether it has known segments and scans only, and ends at the end mark."""
    at = 2
    for _ in range(MOST_CHUNKS):
        start, marker = struct.unpack_from(">BB", data, at)
        if start != 0xFF or marker == _END:
            return start == 0xFF and at + 2 == len(data)
        (length,) = struct.unpack_from(">H", data, at + 2)
        if not _is_needed(marker, data[at + 4 : at + 2 + length]):
            return False
        at += 2 + length
        if marker == _SCAN:
            found = _NEXT_MARKER.search(data, at)
            if not found:
                return False
            at = found.start(1) - 1
    return False


def _is_needed(marker: int, segment: bytes) -> bool:
    """Whether the segment is needed to show the image: tables, resolution, colour space."""
    if marker == 0xE0:
        return segment.startswith(b"JFIF\0") and len(segment) == 14  # longer: with a preview
    if marker == 0xE2:
        return segment.startswith(b"ICC_PROFILE\0")
    if marker == 0xEE:
        return segment.startswith(b"Adobe") and len(segment) == 12
    return marker == _SCAN or marker in _JPEG_TABLES


# -- The format of a file by its first bytes

# Pillow's names of the formats that we may accept, and the common names of others. Tried in this order.
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
_BRANDS = {  # of ISO base media files; the first one that the file names decides
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
_TEXT_BYTES = 4096  # enough to recognise a text format
_SVG = re.compile(rb"<svg[\s>]", re.IGNORECASE)
_HTML = re.compile(rb"<(!doctype html|html|head|body)[\s>]", re.IGNORECASE)


def format_of(data: bytes) -> str | None:
    """Pillow's name of a format that we may accept, or the common name of another one; None if unknown."""
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
