"""Decodes, rotates and scales the pixels of an image that Pillow has opened, and converts them to 8 bits a channel."""

from contextlib import suppress
from typing import Any

from PIL import Image, ImageOps

_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # a TIFF tag, and its value for a negative
_STRIP_ROWS = 256


def tags_of(image: Image.Image) -> Any:
    """The tags of a TIFF by number; empty for other formats."""
    return getattr(image, "tag_v2", {})


def loaded(image: Image.Image) -> Image.Image:
    """Decode the image. As in browsers, the part of a GIF's screen that its first frame leaves free is transparent."""
    drawn = image.tile[0].extents if image.format == "GIF" and image.tile else None  # type: ignore[attr-defined]
    if image.format == "WEBP":
        _load_webp(image)
    else:
        image.load()  # before any change: Pillow reads from `info` that a PNG is interlaced
    key = image.info.get("transparency")
    if isinstance(key, tuple) and max(key) > 0xFF:  # 16 bits a channel, of which Pillow keeps the upper 8
        image.info["transparency"] = tuple(value >> 8 for value in key)
    if drawn is None or drawn == (0, 0, *image.size):
        return image
    whole = Image.new("RGBA", image.size)
    whole.paste(image.convert("RGBA").crop(drawn), drawn)
    return whole


class _OneFrame:
    """Drops the decoder, which holds two more copies of the image, after its first frame."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder

    def get_next(self) -> Any:
        frame = self._decoder.get_next()
        self._decoder = None
        return frame


def _load_webp(image: Any) -> None:
    """Load in 12 bytes a pixel instead of 16, and keep 4: Pillow 13 keeps its decoder as long as the image."""
    if hasattr(image, "_decoder"):
        image._decoder = _OneFrame(image._decoder)  # noqa: SLF001 - Pillow has no way to drop it
    image.load()
    image.fp = None  # the frame as bytes, which the image has copied


def turn(image: Image.Image) -> None:
    """Rotate by EXIF. Pillow writes AVIF's `irot` and `imir` into EXIF; libheif has already rotated HEIC."""
    for name in ("xmp", "XML:com.adobe.xmp"):  # Pillow would use its orientation; browsers do not
        image.info.pop(name, None)
    with suppress(Exception):  # a broken EXIF raises nearly anything; the image is still valid
        ImageOps.exif_transpose(image, in_place=True)


def sampled(image: Image.Image, side: int) -> Image.Image:
    """Scale to at most `side` pixels in 8 bits a channel: L, RGB, CMYK, or LA and RGBA with transparency."""
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
    """Scale 16 bits down; convert() alone would clip them."""
    is_negative = tags_of(image).get(_PHOTOMETRIC) == _WHITE_IS_ZERO  # Pillow inverts negatives of 8 bits only
    scale, start = (-1 / 257, 255.5) if is_negative else (1 / 257, 0.5)  # the half rounds
    made = image.point(lambda value: value * scale + start).convert("L")
    if "transparency" in image.info:
        made.info["transparency"] = round(image.info["transparency"] / 257)
    return made


def on_white(image: Image.Image) -> Image.Image:
    """Put the image on a white background; in strips, because whole copies would take 16 more bytes a pixel."""
    if not image.has_transparency_data:
        return image
    white = Image.new("RGB", image.size)
    for top in range(0, image.height, _STRIP_ROWS):
        strip = image.crop((0, top, image.width, min(top + _STRIP_ROWS, image.height))).convert("RGBA")
        white.paste(Image.alpha_composite(Image.new("RGBA", strip.size, "white"), strip).convert("RGB"), (0, top))
    return white
