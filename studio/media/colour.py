"""Reads an image file's colour space as an ICC profile, and converts the image to sRGB.

Browsers understand every form of it; other programs, those of the video providers among them, may understand none.
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
_UNBOUNDED = b"mpet"  # an unlimited list of elements: 60,000 copies of one take LittleCMS 46 s

_GREY_MODES = {"1", "L", "LA", "I;16", "I;16L", "I;16B", "I;16N"}


class UnknownColours(ValueError):
    """We cannot convert these colours; the message is fit for the sender of the image."""


class Primaries(NamedTuple):
    """The x and y of white, red, green and blue, as in a PNG's cHRM."""

    white: tuple[float, float]
    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]


class Curve(NamedTuple):
    """From a stored value to light: (a * x + b) ** g for x >= d, else c * x. ICC.1:2022, 10.18, type 3."""

    g: float
    a: float = 1
    b: float = 0
    c: float = 0
    d: float = 0


@dataclass(frozen=True)
class Colours:
    """A colour space other than plain sRGB."""

    profile: bytes
    is_embedded: bool  # False: we built the profile from other statements of the file
    space: str = "RGB"

    def can_stay(self, image: Image.Image) -> bool:
        """Whether the image can keep the profile: viewers agree on RGB profiles only."""
        return self.is_embedded and self.space == "RGB" and image.mode in {"P", "RGB", "RGBA"}


# -- The code points of H.273, used by PNG's cICP and by nclx in AVIF and HEIC

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
_BT1886 = Curve(2.4)  # how screens show BT.709 and its relatives
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
_UNSPECIFIED = {0, 2, 3}  # including reserved ones, which H.273 treats as unspecified
_HDR = {16: "PQ", 18: "HLG"}
_VIDEO_CURVES = {1, 6, 14, 15}


def colours_of(image: Image.Image, data: bytes) -> Colours | None:
    """The colour space of a loaded image; None for sRGB. Raises UnknownColours.

    The first of these counts: cICP, the ICC profile, sRGB, gAMA with cHRM (PNG, third edition, 4.3).
    """
    chunks = dict(image_formats.png_colours(data)) if image.format == "PNG" else {}
    if len(cicp := chunks.get(b"cICP", b"")) == 4:
        primaries, transfer, matrix, is_full_range = cicp
        if matrix or not is_full_range:
            raise UnknownColours("The image's colours are stored as video's are; save it as RGB in full range.")
        return _from_code_points(primaries, transfer)
    if embedded := _embedded(image, data):
        return embedded
    if b"sRGB" in chunks:
        return None
    if b"gAMA" in chunks:
        return _png_gamma(chunks)
    if image.format in {"AVIF", "HEIF"}:
        return _nclx(image, data)
    return None


def in_srgb(image: Image.Image, colours: Colours | None) -> Image.Image:
    """Convert to sRGB in L, LA, RGB or RGBA. May change `image`; ignores a broken profile."""
    if colours:
        with suppress(ImageCms.PyCMSError):
            return _convert(image, colours)
    return image.convert("RGB") if image.mode == "CMYK" else image


def _convert(image: Image.Image, colours: Colours) -> Image.Image:
    source = ImageCms.ImageCmsProfile(io.BytesIO(colours.profile))
    srgb = ImageCms.createProfile("sRGB")
    if image.mode in {"RGB", "RGBA"}:
        ImageCms.profileToProfile(image, source, srgb, inPlace=True)  # a copy of 50 megapixels would take 200 MB
        return image
    if image.mode == "CMYK":
        return _convert_copy(image, source, srgb)
    if colours.space == "GRAY":
        rgb = _convert_copy(image.convert("L"), source, srgb)
    else:
        rgb = image.convert("RGB")
        ImageCms.profileToProfile(rgb, source, srgb, inPlace=True)
    grey = rgb.convert("L")
    del rgb  # four bytes a pixel
    if image.mode == "LA":
        grey.putalpha(image.getchannel("A"))
    return grey


def _convert_copy(image: Image.Image, source: Any, srgb: Any) -> Image.Image:
    copy = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
    assert copy is not None  # None is for a change in place
    return copy


def _embedded(image: Image.Image, data: bytes) -> Colours | None:
    """The file's ICC profile, if it is valid and fits the image's mode."""
    icc = image.info.get("icc_profile") or image_formats.bmp_profile(data)
    if not isinstance(icc, bytes) or len(icc) > ICC_MAX_BYTES or _UNBOUNDED in icc:
        return None
    try:
        space = ImageCms.ImageCmsProfile(io.BytesIO(icc)).profile.xcolor_space.strip()
    except Exception:  # LittleCMS raises several kinds
        return None
    fits = {
        "RGB": image.mode != "CMYK",  # grey images may have one as well
        "GRAY": image.mode in _GREY_MODES,
        "CMYK": image.mode == "CMYK",
    }
    return Colours(icc, True, space) if fits.get(space) else None


def _png_gamma(chunks: dict[bytes, bytes]) -> Colours | None:
    """The colours by gAMA, and by cHRM if present. Like browsers, we ignore a cHRM without gAMA."""
    with suppress(struct.error, ZeroDivisionError):
        (gamma,) = struct.unpack(">I", chunks[b"gAMA"])
        primaries = _SRGB
        if b"cHRM" in chunks:
            xy = [number / 100_000 for number in struct.unpack(">8I", chunks[b"cHRM"])]
            primaries = Primaries(*zip(xy[::2], xy[1::2], strict=True))
        if abs(gamma - 45_455) < 500 and _are_close(primaries, _SRGB):  # programs write this for sRGB
            return None
        return _build_profile(primaries, Curve(100_000 / gamma))
    return None


def _nclx(image: Image.Image, data: bytes) -> Colours | None:
    """The colours by the nclx box, which libheif reads; Pillow does not expose it for AVIF."""
    nclx = image.info.get("nclx_profile") or pi_heif.open_heif(data).info.get("nclx_profile")
    if not nclx:
        return None
    transfer = nclx["transfer_characteristics"]
    # Some encoders of stills leave a video's default here; browsers show such images as sRGB.
    return _from_code_points(nclx["color_primaries"], 13 if transfer in _VIDEO_CURVES else transfer)


def _from_code_points(primaries: int, transfer: int) -> Colours | None:
    """The colours by H.273; None for sRGB. Raises UnknownColours."""
    if transfer in _HDR:
        raise UnknownColours(f"The image is HDR ({_HDR[transfer]}); save it in standard range (SDR), say as sRGB.")
    primaries = 1 if primaries in _UNSPECIFIED else primaries
    transfer = 13 if transfer in _UNSPECIFIED else transfer
    if primaries not in _PRIMARIES or transfer not in _CURVES:
        raise UnknownColours("The image's colours are of a kind that we cannot convert; save it as sRGB.")
    if (primaries, transfer) == (1, 13):
        return None
    return _build_profile(_PRIMARIES[primaries], _CURVES[transfer])


def _are_close(some: Primaries, others: Primaries) -> bool:
    return all(
        abs(a - b) < 0.002 for one, other in zip(some, others, strict=True) for a, b in zip(one, other, strict=True)
    )


# -- Building a profile from primaries and a curve

_D50 = (0.9642, 1.0, 0.8249)  # the white point of every profile, in XYZ
# The columns of the matrix from XYZ to cone responses, for the adaptation of white. ICC.1:2022, annex E.
_BRADFORD = ((0.8951, -0.7502, 0.0389), (0.2664, 1.7135, -0.0685), (-0.1614, 0.0367, 1.0296))

Vector = Sequence[float]


def _build_profile(primaries: Primaries, curve: Curve) -> Colours:
    """Build a profile. Raises ZeroDivisionError for impossible colours, and struct.error for numbers out of range."""
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
    """Full red, green and blue in XYZ, adapted to D50."""
    white, *corners = ([x / y, 1.0, (1 - x - y) / y] for x, y in primaries)
    shares = _solve(corners, white)
    seen, target = _multiply(_BRADFORD, white), _multiply(_BRADFORD, _D50)
    columns = []
    for share, corner in zip(shares, corners, strict=True):
        cones = _multiply(_BRADFORD, [share * part for part in corner])
        columns.append(_solve(_BRADFORD, [c * w / s for c, s, w in zip(cones, seen, target, strict=True)]))
    return columns


def _multiply(columns: Sequence[Vector], vector: Vector) -> Vector:
    return [sum(c * v for c, v in zip(row, vector, strict=True)) for row in zip(*columns, strict=True)]


def _solve(columns: Sequence[Vector], vector: Vector) -> Vector:
    """Solve the linear system of these columns by Cramer's rule."""
    whole = _determinant(columns)
    return [_determinant([*columns[:i], vector, *columns[i + 1 :]]) / whole for i in range(3)]


def _determinant(columns: Sequence[Vector]) -> float:
    (a, b, c), (d, e, f), (g, h, i) = columns
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


def _fixed(numbers: Vector) -> list[int]:
    return [round(number * 65_536) for number in numbers]


def _xyz(vector: Vector) -> bytes:
    return struct.pack(">4s4x3i", b"XYZ ", *_fixed(vector))
