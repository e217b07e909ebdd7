"""The pixels of a picture that Pillow has opened: decoded, turned upright, scaled, and in 8 bits a channel."""

from contextlib import suppress
from typing import Any

from PIL import Image, ImageOps

_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # a TIFF tag, and what it says of a negative
_STRIP_ROWS = 256


def tags_of(image: Image.Image) -> Any:
    """The tags of a TIFF, by number; none of other formats."""
    return getattr(image, "tag_v2", {})


def loaded(image: Image.Image) -> Image.Image:
    """Decoded. What a GIF's first picture leaves free of its screen is transparent, as in browsers."""
    drawn = image.tile[0].extents if image.format == "GIF" and image.tile else None  # type: ignore[attr-defined]
    if image.format == "WEBP":
        _load_webp(image)
    else:
        image.load()  # before anything is changed: to Pillow an interlaced PNG is one only as long as `info` says so
    key = image.info.get("transparency")
    if isinstance(key, tuple) and max(key) > 0xFF:  # of 16 bits a channel, of which Pillow keeps the upper ones
        image.info["transparency"] = tuple(value >> 8 for value in key)
    if drawn is None or drawn == (0, 0, *image.size):
        return image
    whole = Image.new("RGBA", image.size)
    whole.paste(image.convert("RGBA").crop(drawn), drawn)
    return whole


class _OneFrame:
    """A decoder that goes, with two more copies of the picture, once it has given one."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder

    def get_next(self) -> Any:
        frame = self._decoder.get_next()
        self._decoder = None
        return frame


def _load_webp(image: Any) -> None:
    """In 12 bytes a pixel instead of 16, of which it keeps 4: Pillow 13 keeps its decoder as long as the picture."""
    if hasattr(image, "_decoder"):
        image._decoder = _OneFrame(image._decoder)  # noqa: SLF001 - Pillow has no way to drop it
    image.load()
    image.fp = None  # the frame as bytes, which the picture has copied


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
    """Without transparent parts. In strips, because whole copies would be 16 bytes a pixel more."""
    if not image.has_transparency_data:
        return image
    white = Image.new("RGB", image.size)
    for top in range(0, image.height, _STRIP_ROWS):
        strip = image.crop((0, top, image.width, min(top + _STRIP_ROWS, image.height))).convert("RGBA")
        white.paste(Image.alpha_composite(Image.new("RGBA", strip.size, "white"), strip).convert("RGB"), (0, top))
    return white
