"""What a picture file says about its colours, as an ICC profile, and the conversion by it to sRGB.

Browsers read all of these statements; other programs, the video providers' among them, may read none.
"""

import io
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import pi_heif
from PIL import Image, ImageCms

from studio.media import image_formats

ICC_MAX_BYTES = 1024 * 1024  # a printer's profile may have hundreds of KiB
_ENDLESS = b"mpet"  # elements without a bound: of 60,000 that are one and the same, LittleCMS makes 46 s of work

_GREY_MODES = {"1", "L", "LA", "I;16", "I;16L", "I;16B", "I;16N"}


class UnknownColours(ValueError):
    """The colours are not ones that we can convert; the message is fit for the person who sent the picture."""


class Primaries(NamedTuple):
    """The x and y of white, red, green and blue, as a PNG's cHRM has them."""

    white: tuple[float, float]
    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]


class Curve(NamedTuple):
    """From a stored value to light: (a * x + b) ** g from x = d on, c * x below. ICC.1:2022, 10.18, type 3."""

    g: float
    a: float = 1
    b: float = 0
    c: float = 0
    d: float = 0


@dataclass(frozen=True)
class Colours:
    """The colours of a picture that are not, or need not be, sRGB's."""

    profile: bytes
    is_embedded: bool  # false: the profile was made from what the file says in another way
    space: str = "RGB"

    def stay(self, image: Image.Image) -> bool:
        """Whether the picture can keep the profile: viewers differ in what they do with all but an RGB one."""
        return self.is_embedded and self.space == "RGB" and image.mode in {"P", "RGB", "RGBA"}


# -- The numbers of H.273, which PNG's cICP and the nclx of AVIF and HEIC share

_D65, _C = (0.3127, 0.3290), (0.310, 0.316)
_SRGB = Primaries(_D65, (0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
_NTSC = Primaries(_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070))
_PRIMARIES = {
    1: _SRGB,
    4: Primaries(_C, (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
    5: Primaries(_D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: _NTSC,
    7: _NTSC,
    8: Primaries(_C, (0.681, 0.319), (0.243, 0.692), (0.145, 0.049)),
    9: Primaries(_D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    11: Primaries((0.314, 0.351), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    12: Primaries(_D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    22: Primaries(_D65, (0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
}
_SRGB_CURVE = Curve(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_BT1886 = Curve(2.4)  # what a screen does with BT.709's and its kin
_CURVES = {
    1: _BT1886,
    4: Curve(2.2),
    5: Curve(2.8),
    6: _BT1886,
    7: Curve(1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4, 0.0913),
    8: Curve(1),
    13: _SRGB_CURVE,
    14: _BT1886,
    15: _BT1886,
}
_UNSPECIFIED = {0, 2, 3}  # and reserved, which H.273 asks to take for unspecified
_HDR = {16: "PQ", 18: "HLG"}
_VIDEO_CURVES = {1, 6, 14, 15}


def colours_of(image: Image.Image, data: bytes) -> Colours | None:
    """What a picture that is loaded says of its colours, None for sRGB. Raises UnknownColours.

    Of several statements the first counts: cICP, the ICC profile, sRGB, gAMA with cHRM (PNG, third edition, 4.3).
    """
    said = dict(image_formats.png_colours(data)) if image.format == "PNG" else {}
    if len(cicp := said.get(b"cICP", b"")) == 4:
        primaries, transfer, matrix, is_full_range = cicp
        if matrix or not is_full_range:
            raise UnknownColours("The image's colours are stored as video's are; save it as RGB in full range.")
        return _coded(primaries, transfer)
    if embedded := _embedded(image, data):
        return embedded
    if b"sRGB" in said:
        return None
    if b"gAMA" in said:
        return _png_gamma(said)
    if image.format in {"AVIF", "HEIF"}:
        return _nclx(image, data)
    return None


def in_srgb(image: Image.Image, colours: Colours | None) -> Image.Image:
    """The same colours in sRGB: L, LA, RGB or RGBA. Changes the given image; ignores a broken profile."""
    if colours:
        with suppress(ImageCms.PyCMSError):
            return _converted(image, colours)
    return image.convert("RGB") if image.mode == "CMYK" else image


def _converted(image: Image.Image, colours: Colours) -> Image.Image:
    source = ImageCms.ImageCmsProfile(io.BytesIO(colours.profile))
    srgb = ImageCms.createProfile("sRGB")
    if image.mode in {"RGB", "RGBA"}:
        ImageCms.profileToProfile(image, source, srgb, inPlace=True)  # a copy of 50 megapixels would be 200 MB
        return image
    if image.mode == "CMYK":
        return _made_anew(image, source, srgb)
    if colours.space == "GRAY":
        made = _made_anew(image.convert("L"), source, srgb)
    else:
        made = image.convert("RGB")
        ImageCms.profileToProfile(made, source, srgb, inPlace=True)
    grey = made.convert("L")
    del made  # four bytes a pixel
    if image.mode == "LA":
        grey.putalpha(image.getchannel("A"))
    return grey


def _made_anew(image: Image.Image, source: Any, srgb: Any) -> Image.Image:
    made = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
    assert made is not None  # None is for a change in place
    return made


def _embedded(image: Image.Image, data: bytes) -> Colours | None:
    """The file's ICC profile, if it is one, and one for such pictures."""
    icc = image.info.get("icc_profile") or image_formats.bmp_profile(data)
    if not isinstance(icc, bytes) or len(icc) > ICC_MAX_BYTES or _ENDLESS in icc:
        return None
    try:
        space = ImageCms.ImageCmsProfile(io.BytesIO(icc)).profile.xcolor_space.strip()
    except Exception:  # LittleCMS raises several kinds
        return None
    fits = {
        "RGB": image.mode != "CMYK",  # grey pictures come with one, too
        "GRAY": image.mode in _GREY_MODES,
        "CMYK": image.mode == "CMYK",
    }
    return Colours(icc, True, space) if fits.get(space) else None


def _png_gamma(said: dict[bytes, bytes]) -> Colours | None:
    """By gAMA, with cHRM where the file has one. Browsers ignore a cHRM without gAMA, and so do we."""
    with suppress(struct.error, ZeroDivisionError):
        (gamma,) = struct.unpack(">I", said[b"gAMA"])
        primaries = _SRGB
        if b"cHRM" in said:
            xy = [number / 100_000 for number in struct.unpack(">8I", said[b"cHRM"])]
            primaries = Primaries(*zip(xy[::2], xy[1::2], strict=True))
        if abs(gamma - 45_455) < 500 and _are_close(primaries, _SRGB):  # what programs write that mean sRGB
            return None
        return _made(primaries, Curve(100_000 / gamma))
    return None


def _nclx(image: Image.Image, data: bytes) -> Colours | None:
    """By the nclx box. Pillow does not show that of an AVIF; libheif does."""
    nclx = image.info.get("nclx_profile") or pi_heif.open_heif(data).info.get("nclx_profile")
    if not nclx:
        return None
    transfer = nclx["transfer_characteristics"]
    # A still whose encoder left these at a video's default is meant for a screen, and so browsers show it.
    return _coded(nclx["color_primaries"], 13 if transfer in _VIDEO_CURVES else transfer)


def _coded(primaries: int, transfer: int) -> Colours | None:
    """By the numbers of H.273."""
    if transfer in _HDR:
        raise UnknownColours(f"The image is HDR ({_HDR[transfer]}); save it in standard range (SDR), say as sRGB.")
    primaries = 1 if primaries in _UNSPECIFIED else primaries
    transfer = 13 if transfer in _UNSPECIFIED else transfer
    if primaries not in _PRIMARIES or transfer not in _CURVES:
        raise UnknownColours("The image's colours are of a kind that we cannot convert; save it as sRGB.")
    if (primaries, transfer) == (1, 13):
        return None
    return _made(_PRIMARIES[primaries], _CURVES[transfer])


def _are_close(some: Primaries, others: Primaries) -> bool:
    return all(
        abs(a - b) < 0.002 for one, other in zip(some, others, strict=True) for a, b in zip(one, other, strict=True)
    )


# -- A profile of primaries and a curve

_D50 = (0.9642, 1.0, 0.8249)  # the white of every profile, in XYZ
# From XYZ to the eye's receptors, where white is adapted; its columns. ICC.1:2022, annex E.
_BRADFORD = ((0.8951, -0.7502, 0.0389), (0.2664, 1.7135, -0.0685), (-0.1614, 0.0367, 1.0296))

Vector = Sequence[float]


def _made(primaries: Primaries, curve: Curve) -> Colours:
    """Raises ZeroDivisionError where no such colours can be, and struct.error for numbers out of range."""
    points = zip((b"rXYZ", b"gXYZ", b"bXYZ"), _columns(primaries), strict=True)
    tags = {b"wtpt": _xyz(_D50)} | {name: _xyz(column) for name, column in points}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), struct.pack(">4s4xHH5i", b"para", 3, 0, *_fixed(curve)))
    at = 128 + 4 + 12 * len(tags)
    table = struct.pack(">I", len(tags))
    for name, tag in tags.items():
        table += struct.pack(">4sII", name, at, len(tag))
        at += len(tag)
    head = struct.pack(">I4xI4s4s4s12x4s", at, 0x04400000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    head += struct.pack(">28x3i48x", *_fixed(_D50))
    return Colours(head + table + b"".join(tags.values()), is_embedded=False)


def _columns(primaries: Primaries) -> list[Vector]:
    """What red, green and blue at their fullest are in XYZ, adapted to D50."""
    white, *corners = ([x / y, 1.0, (1 - x - y) / y] for x, y in primaries)
    shares = _solved(corners, white)
    seen, wanted = _times(_BRADFORD, white), _times(_BRADFORD, _D50)
    columns = []
    for share, corner in zip(shares, corners, strict=True):
        cones = _times(_BRADFORD, [share * part for part in corner])
        columns.append(_solved(_BRADFORD, [c * w / s for c, s, w in zip(cones, seen, wanted, strict=True)]))
    return columns


def _times(columns: Sequence[Vector], vector: Vector) -> Vector:
    return [sum(c * v for c, v in zip(row, vector, strict=True)) for row in zip(*columns, strict=True)]


def _solved(columns: Sequence[Vector], vector: Vector) -> Vector:
    """How much of each column it takes to make the vector: Cramer's rule."""
    whole = _determinant(columns)
    return [_determinant([*columns[:i], vector, *columns[i + 1 :]]) / whole for i in range(3)]


def _determinant(columns: Sequence[Vector]) -> float:
    (a, b, c), (d, e, f), (g, h, i) = columns
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


def _fixed(numbers: Vector) -> list[int]:
    return [round(number * 65_536) for number in numbers]


def _xyz(vector: Vector) -> bytes:
    return struct.pack(">4s4x3i", b"XYZ ", *_fixed(vector))
