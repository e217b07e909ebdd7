"""The pixels of a picture that Pillow has opened: decoded, turned upright, scaled, and in 8 bits a channel."""

from contextlib import suppress
from typing import Any

from PIL import Image, ImageOps

_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # a TIFF tag, and what it says of a negative


def tags_of(image: Image.Image) -> Any:
    """The tags of a TIFF, by number; none of other formats."""
    return getattr(image, "tag_v2", {})


def loaded(image: Image.Image) -> Image.Image:
    """Decoded. What a GIF's first picture leaves free of its screen is transparent, as in browsers."""
    drawn = image.tile[0].extents if image.format == "GIF" and image.tile else None  # type: ignore[attr-defined]
    image.load()  # before anything is changed: to Pillow an interlaced PNG is one only as long as `info` says so
    key = image.info.get("transparency")
    if isinstance(key, tuple) and max(key) > 0xFF:  # of 16 bits a channel, of which Pillow keeps the upper ones
        image.info["transparency"] = tuple(value >> 8 for value in key)
    if drawn is None or drawn == (0, 0, *image.size):
        return image
    whole = Image.new("RGBA", image.size)
    whole.paste(image.convert("RGBA").crop(drawn), drawn)
    return whole


def turn(image: Image.Image) -> None:
    """Upright, as EXIF says: Pillow puts what AVIF's `irot` and `imir` say there, and libheif has done it for HEIC."""
    for name in ("xmp", "XML:com.adobe.xmp"):  # Pillow would believe it, too; browsers do not
        image.info.pop(name, None)
    with suppress(Exception):  # what a broken EXIF raises; the picture is still one
        ImageOps.exif_transpose(image, in_place=True)


def sampled(image: Image.Image, side: int) -> Image.Image:
    """No larger than `side`, in 8 bits a channel: L, RGB, CMYK, or LA and RGBA where it has transparent parts."""
    if image.mode.startswith("I;16"):
        image = _in_8_bits(image)
    is_grey = image.mode in {"1", "L", "LA"}
    if image.has_transparency_data:
        mode = "LA" if is_grey else "RGBA"
    elif image.mode == "CMYK":
        mode = "CMYK"
    else:
        mode = "L" if is_grey else "RGB"
    if image.mode != mode:
        image = image.convert(mode)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return image


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Of 16 bits; convert() alone would clip them."""
    is_negative = tags_of(image).get(_PHOTOMETRIC) == _WHITE_IS_ZERO  # which Pillow minds for 8 bits only
    scale, start = (-1 / 257, 255.5) if is_negative else (1 / 257, 0.5)  # the half rounds
    made = image.point(lambda value: value * scale + start).convert("L")
    if "transparency" in image.info:
        made.info["transparency"] = round(image.info["transparency"] / 257)
    return made


def on_white(image: Image.Image) -> Image.Image:
    """Without transparent parts."""
    if not image.has_transparency_data:
        return image
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image.convert("RGBA"))
    return white.convert("RGB")
