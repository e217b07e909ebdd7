"""Colours by other means than the code's: published numbers, and LittleCMS as a viewer. Differences are CIE76."""

import io
import struct
from collections.abc import Callable, Sequence

from PIL import Image, ImageCms

from studio.media.images import ImageFile

Colour = tuple[int, ...]
Curve = Callable[[float], float]

# Saturated, pale and dark ones; each a square of 32 pixels, so that a JPEG's blocks hold one.
PATCHES: Sequence[Colour] = [
    *((230, 20, 40), (20, 200, 60), (30, 60, 220), (250, 210, 20), (20, 190, 210), (200, 40, 190)),
    *((240, 240, 240), (190, 190, 190), (128, 128, 128), (70, 70, 70), (30, 30, 30), (12, 12, 12)),
    *((225, 180, 160), (140, 90, 70), (90, 60, 50), (60, 80, 120), (150, 170, 140), (100, 100, 60)),
]
SIDE, COLUMNS = 32, 6

# CSS Color 4, "Sample code": linear Display P3 and Rec. 2020 in linear sRGB
P3 = ((1.22494, -0.22494, 0.0), (-0.04206, 1.04206, 0.0), (-0.01964, -0.07864, 1.09828))
REC2020 = ((1.66049, -0.58764, -0.07285), (-0.12455, 1.13290, -0.00835), (-0.01815, -0.10058, 1.11873))
SRGB = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def srgb_curve(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def power(exponent: float) -> Curve:
    return lambda value: value**exponent


def patches(mode: str = "RGB") -> Image.Image:
    image = Image.new("RGB", (COLUMNS * SIDE, len(PATCHES) // COLUMNS * SIDE))
    for place, colour in enumerate(PATCHES):
        x, y = place % COLUMNS * SIDE, place // COLUMNS * SIDE
        image.paste(colour, (x, y, x + SIDE, y + SIDE))
    return image.convert(mode)


def in_srgb(colours: Sequence[Colour], matrix: Sequence[Sequence[float]], curve: Curve) -> list[list[float]]:
    """Linear sRGB, cut to what sRGB can show."""
    lights = ([curve(value / 255) for value in colour] for colour in colours)
    return [
        [min(max(sum(m * part for m, part in zip(row, light, strict=True)), 0), 1) for row in matrix]
        for light in lights
    ]


def seen(picture: ImageFile) -> list[Colour]:
    """The patches as shown by a viewer that knows only ICC profiles."""
    image = Image.open(io.BytesIO(picture.data))
    assert image.info.get("gamma") in {None, 0.45455}  # which programs write that mean sRGB
    assert b"cICP" not in picture.data
    icc = image.info.get("icc_profile")
    image = image.convert("RGB")
    if icc:
        viewed = ImageCms.profileToProfile(image, io.BytesIO(icc), ImageCms.createProfile("sRGB"))
        assert viewed is not None
        image = viewed
    return middles(image)


def middles(image: Image.Image) -> list[Colour]:
    """The pixel in the middle of each patch."""
    side = image.width // COLUMNS
    points = [
        (place % COLUMNS * side + side // 2, place // COLUMNS * side + side // 2) for place in range(len(PATCHES))
    ]
    return [image.getpixel(point) for point in points]  # type: ignore[misc]


def mean_difference(shown: Sequence[Colour], wanted: Sequence[Sequence[float]]) -> float:
    """CIE76 between sRGB pixels and linear sRGB."""
    differences = []
    for colour, light in zip(shown, wanted, strict=True):
        one, other = _lab([srgb_curve(value / 255) for value in colour[:3]]), _lab(light)
        differences.append(sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5)
    return sum(differences) / len(differences)


def _lab(light: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = light
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    fx, fy, fz = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def display_p3_profile() -> bytes:
    """With the colorants that Apple publishes, in D50, and sRGB's curve as a table."""
    table = [round(srgb_curve(step / 1023) * 65_535) for step in range(1024)]
    curve = b"curv" + bytes(4) + struct.pack(">I1024H", 1024, *table)
    columns = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
    return _profile(
        b"RGB ", {b"rXYZ": columns[0], b"gXYZ": columns[1], b"bXYZ": columns[2]}, (b"rTRC", b"gTRC", b"bTRC"), curve
    )


def grey_profile(gamma: float) -> bytes:
    return _profile(b"GRAY", {}, (b"kTRC",), b"curv" + bytes(4) + struct.pack(">IHxx", 1, int(gamma * 256)))


def _profile(space: bytes, points: dict[bytes, Sequence[float]], curves: Sequence[bytes], curve: bytes) -> bytes:
    tags = {b"wtpt": _xyz((0.9642, 1.0, 0.8249))} | {name: _xyz(point) for name, point in points.items()}
    tags |= dict.fromkeys(curves, curve)
    head = 128 + 4 + 12 * len(tags)
    index, body = struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        index += struct.pack(">4sII", name, head + len(body), len(tag))
        body += tag
    start = struct.pack(">I4sI4s4s4s12s4s", head + len(body), b"", 0x02400000, b"mntr", space, b"XYZ ", b"", b"acsp")
    return (start + bytes(28) + struct.pack(">III", 0xF6D6, 0x10000, 0xD32D)).ljust(128, b"\0") + index + body


def _xyz(point: Sequence[float]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(part * 65_536) for part in point))
