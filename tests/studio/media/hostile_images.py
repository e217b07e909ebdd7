"""Image files that are broken, disguised, or far more expensive than their size suggests."""

import io
import struct
import zlib
from collections.abc import Callable

from PIL import Image

_D50 = (0xF6D6, 0x10000, 0xD32D)
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int, *chunks: bytes) -> bytes:
    """RGB, as large as its header claims; black unless other chunks are given."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = b"".join(chunks) or chunk(b"IDAT", zlib.compress(bytes(height * (3 * width + 1))))
    return PNG_SIGNATURE + header + body + chunk(b"IEND")


def png_bomb() -> bytes:
    """50,000 x 50,000 pixels in 30 KB, with the first 200 rows."""
    row = zlib.compressobj(9)
    part = row.compress(bytes(3 * 50_000 + 1) * 200) + row.flush()
    return png_of(50_000, 50_000, chunk(b"IDAT", part))


def png_of_empty_chunks() -> bytes:
    pixels = chunk(b"IDAT", zlib.compress(bytes(10 * 31)))
    return png_of(10, 10, chunk(b"abCd") * 800_000, pixels)


def text_bomb() -> bytes:
    pixels = chunk(b"IDAT", zlib.compress(bytes(10 * 31)))
    return png_of(10, 10, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(20_000_000))), pixels)


def jpeg_of_scans() -> bytes:
    """A progressive JPEG whose last scan comes 5,000 times: 400 KB that would take three minutes."""
    data = saved(Image.new("L", (7000, 7000), 128), "JPEG", progressive=True)
    last = data[data.rfind(b"\xff\xda") : -2]
    return data[:-2] + last * 5_000 + b"\xff\xd9"


def tiff_with_huge_tile() -> bytes:
    """64 x 64 pixels out of a tile of 12,000 x 12,000, which is decompressed for them: 144 MB."""
    data = zlib.compress(bytes(144_000_000), 1)
    tags = [(256, 64), (257, 64), (258, 8), (259, 8), (262, 1), (277, 1), (322, 12_000), (323, 12_000)]
    tags += [(324, 8 + 2 + 12 * 10 + 4), (325, len(data))]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0) + data


def animated_gif(frames: int) -> bytes:
    pictures = [Image.new("P", (64, 64), number % 250) for number in range(frames)]
    return saved(pictures[0], "GIF", save_all=True, append_images=pictures[1:])


def gif_with_huge_screen() -> bytes:
    data = saved(Image.new("P", (8, 8), 1), "GIF")
    return data[:6] + struct.pack("<HH", 65_535, 65_535) + data[10:]


REFUSED: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "html": lambda: b"<!DOCTYPE html><html><script>alert(1)</script></html>",
    "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script/></svg>',
    "pdf": lambda: b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n",
    "zip": lambda: b"PK\x03\x04" + bytes(200),
    "jpeg header and nothing more": lambda: b"\xff\xd8\xff\xe0 not really",
    "truncated jpeg": lambda: saved(Image.effect_noise((400, 300), 80), "JPEG")[:9000],
    "truncated png": lambda: saved(Image.effect_noise((400, 300), 80))[:9000],
    "truncated webp": lambda: saved(Image.effect_noise((400, 300), 80).convert("RGB"), "WEBP")[:3000],
    "png bomb": png_bomb,
    "png of empty chunks": png_of_empty_chunks,
    "png text bomb": text_bomb,
    "jpeg of scans": jpeg_of_scans,
    "tiff with a huge tile": tiff_with_huge_tile,
    "gif with a huge screen": gif_with_huge_screen,
    "more bytes than are taken": lambda: bytes(10 * 1024 * 1024 + 1),
}


def profile_of_elements(number: int) -> bytes:
    """An ICC profile whose conversion has so many steps (ICC.1:2022, 10.16), all of them the same twelve numbers."""
    step = b"matf" + bytes(4) + struct.pack(">HH12f", 3, 3, *(1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0))
    tag = b"mpet" + bytes(4) + struct.pack(">HHI", 3, 3, number)
    tag += struct.pack(">II", 16 + 8 * number, len(step)) * number + step
    head = struct.pack(">I4xI4s4s4s12x4s28xIII", 144 + len(tag), 0x04400000, b"mntr", b"RGB ", b"XYZ ", b"acsp", *_D50)
    return head.ljust(128, b"\0") + struct.pack(">I4sII", 1, b"D2B0", 144, len(tag)) + tag
