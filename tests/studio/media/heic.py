"""Writes HEIC files, as no installed library does: one HEVC frame in its boxes (ISO/IEC 23008-12)."""

import re
import struct
from fractions import Fraction

import av
from av.video.frame import VideoFrame
from PIL import Image

VPS, SPS, PPS = 32, 33, 34
GLOBAL_HEADER = 1 << 22


def heic(
    image: Image.Image,
    *,
    nclx: tuple[int, int] | None = None,
    icc: bytes = b"",
    quarters_left: int = 0,
    exif: bytes = b"",
    claimed_size: tuple[int, int] | None = None,
    brand: bytes = b"heic",
) -> bytes:
    """The picture, without loss but for the rounding of colours."""
    head, pictures = _encoded(image)
    properties = [
        _box(b"hvcC", _decoder_configuration(head)),
        _full_box(b"ispe", struct.pack(">II", *(claimed_size or image.size))),
    ]
    if nclx:
        properties.append(_box(b"colr", b"nclx" + struct.pack(">HHHB", *nclx, 1, 0x80)))
    if icc:
        properties.append(_box(b"colr", b"prof" + icc))
    if quarters_left:
        properties.append(_box(b"irot", bytes([quarters_left])))
    items = [b"".join(struct.pack(">I", len(unit)) + unit for unit in pictures)]
    if exif:
        items.append(bytes(4) + exif)
    start = _box(b"ftyp", brand, bytes(4), b"mif1heic")
    data_at = len(start) + len(_meta(items, properties, 0)) + 8
    return start + _meta(items, properties, data_at) + _box(b"mdat", *items)


def _encoded(image: Image.Image) -> tuple[list[bytes], list[bytes]]:
    """The units of the head, and those of the picture."""
    coder = av.CodecContext.create("libx265", "w")
    coder.width, coder.height = image.size  # type: ignore[attr-defined]
    coder.pix_fmt, coder.time_base = "yuv444p", Fraction(1)  # type: ignore[attr-defined]
    coder.flags |= GLOBAL_HEADER
    coder.options = {
        "preset": "ultrafast",
        "x265-params": "log-level=none:lossless=1:range=full:colormatrix=bt709:pools=none",
    }
    frame = VideoFrame.from_image(image.convert("RGB"))
    frame = frame.reformat(format="yuv444p", dst_colorspace="ITU709", dst_color_range="JPEG")
    packets = [*coder.encode(frame), *coder.encode(None)]  # type: ignore[attr-defined]
    units = _units(b"".join(bytes(packet) for packet in packets))
    return _units(coder.extradata or b""), [unit for unit in units if _kind(unit) < VPS]


def _units(stream: bytes) -> list[bytes]:
    return [unit for unit in re.split(rb"\0?\0\0\x01", stream) if unit]


def _kind(unit: bytes) -> int:
    return unit[0] >> 1 & 0x3F


def _decoder_configuration(head: list[bytes]) -> bytes:
    arrays = b""
    for kind in (VPS, SPS, PPS):
        units = [unit for unit in head if _kind(unit) == kind]
        arrays += struct.pack(">BH", 0x80 | kind, len(units))
        arrays += b"".join(struct.pack(">H", len(unit)) + unit for unit in units)
    profile_and_level = next(unit for unit in head if _kind(unit) == SPS)[3:15]
    in_444 = 3
    return (
        b"\1"
        + profile_and_level
        + struct.pack(">HBBBBHBB", 0xF000, 0xFC, 0xFC | in_444, 0xF8, 0xF8, 0, 0x0F, 3)
        + arrays
    )


def _meta(items: list[bytes], properties: list[bytes], data_at: int) -> bytes:
    places, infos = b"", b""
    for number, (item, kind) in enumerate(zip(items, (b"hvc1", b"Exif"), strict=False), 1):
        places += struct.pack(">HHHII", number, 0, 1, data_at, len(item))
        infos += _full_box(b"infe", struct.pack(">HH", number, 0) + kind + b"\0", version=2)
        data_at += len(item)
    of_picture = struct.pack(">IHB", 1, 1, len(properties)) + bytes(
        0x80 | number + 1 for number in range(len(properties))
    )
    return _full_box(
        b"meta",
        _full_box(b"hdlr", bytes(4) + b"pict" + bytes(13)),
        _full_box(b"pitm", struct.pack(">H", 1)),
        _full_box(b"iloc", b"\x44\0" + struct.pack(">H", len(items)) + places),
        _full_box(b"iinf", struct.pack(">H", len(items)) + infos),
        _box(b"iref", _link()) if len(items) > 1 else b"",
        _box(b"iprp", _box(b"ipco", *properties), _full_box(b"ipma", of_picture)),
    )


def _link() -> bytes:
    """The second item describes the first."""
    return bytes(4) + _box(b"cdsc", struct.pack(">HHH", 2, 1, 1))


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _full_box(kind: bytes, *parts: bytes, version: int = 0) -> bytes:
    return _box(kind, bytes((version, 0, 0, 0)), *parts)
