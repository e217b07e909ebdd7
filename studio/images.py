"""Uploaded pictures: really decoded, bounded, turned upright, and rid of what a camera wrote into them."""

import io
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

from django.conf import settings
from django.core.files import File
from PIL import Image, ImageCms, ImageOps

from studio import containers, picture_budget

EXTENSIONS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}
CONVERTIBLE = ("GIF", "BMP", "TIFF", "AVIF")  # taken where the caller wants, and made into a PNG or JPEG
ICC_MAX_BYTES = 1024 * 1024  # a printer's profile may have hundreds of KiB
_PLAIN_MODES = {"1", "L", "LA", "P", "RGB", "RGBA"}  # what every browser and vendor shows alike
_TILE_WIDTH, _TILE_LENGTH = 322, 323  # TIFF tags


class BadImage(ValueError):
    """The upload is not a picture that we take; the message is fit for the person who sent it."""


@dataclass(frozen=True)
class Picture:
    """A picture that has been decoded once, so it is one."""

    data: bytes
    content_type: str
    extension: str
    width: int
    height: int


@dataclass(frozen=True)
class _Bounds:
    """What is taken, and what comes out."""

    formats: tuple[str, ...]
    max_bytes: int
    max_pixels: int
    max_side: int


def read_picture(
    file: "IO[bytes] | File[Any]",
    *,
    any_format: bool = False,
    max_bytes: int | None = None,
    max_pixels: int | None = None,
    max_side: int | None = None,
) -> Picture:
    """The picture in a file: PNG, JPEG or WebP, within the limits of the settings unless the caller names others.

    With `any_format` GIF, BMP, TIFF and AVIF are taken too, their first picture as a PNG or JPEG. With `max_side` a
    larger picture is scaled down. Bytes without metadata are kept as they are otherwise. Raises BadImage.
    """
    bounds = _Bounds(
        formats=(*EXTENSIONS, *CONVERTIBLE) if any_format else tuple(EXTENSIONS),
        max_bytes=max_bytes or settings.IMAGE_MAX_BYTES,
        max_pixels=max_pixels or settings.IMAGE_MAX_PIXELS,
        max_side=max_side or sys.maxsize,
    )
    data = file.read(bounds.max_bytes + 1)
    if len(data) > bounds.max_bytes:
        raise BadImage(f"The image is larger than {bounds.max_bytes // settings.MIB} MiB.")
    if not data:
        raise BadImage("The file is empty.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns about sizes and tags that are checked or dropped here
        try:
            return _checked(data, bounds)
        except BadImage:
            raise
        except Image.DecompressionBombError as exc:
            raise _too_many_pixels(bounds) from exc
        except Exception as exc:  # Pillow's decoders raise nearly anything on crafted files
            raise BadImage(f"The image is damaged, or no {_listed(bounds.formats)}.") from exc


def thumbnail_of(picture: Picture, *, side: int = 512) -> Picture:
    """A small copy for lists, `side` pixels at most: a JPEG, or a WebP where the picture has transparent parts."""
    with Image.open(io.BytesIO(picture.data), formats=list(EXTENSIONS)) as image:
        image.draft(None, (2 * side, 2 * side))  # a JPEG needn't be decoded in full
        small = _flat(image)
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        return _encoded(small, "WEBP" if small.mode == "RGBA" else "JPEG", quality=85)


def _too_many_pixels(bounds: _Bounds) -> BadImage:
    return BadImage(f"The image has more than {bounds.max_pixels // 1_000_000} megapixels.")


def _listed(formats: Sequence[str]) -> str:
    names = [{"WEBP": "WebP"}.get(name, name) for name in formats]
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _checked(data: bytes, bounds: _Bounds) -> Picture:
    if containers.is_overlong(data):
        raise BadImage("The image takes too long to decode.")
    with Image.open(io.BytesIO(data), formats=bounds.formats) as image:
        # from the header: nothing is decoded yet
        if image.width * image.height > bounds.max_pixels or _tile_pixels(image) > bounds.max_pixels:
            raise _too_many_pixels(bounds)
        kind = "JPEG" if image.format == "MPO" else str(image.format)  # MPO: a phone's JPEG, with a depth map behind
        is_large = max(image.size) > bounds.max_side
        if is_large:
            image.draft(None, (bounds.max_side, bounds.max_side))
        pixels = image.width * image.height  # to be decoded: a draft has fewer than the file
        if not picture_budget.spend(pixels):
            most = settings.REQUEST_MAX_PIXELS // 1_000_000
            raise BadImage(f"The images of one request may have {most} megapixels together.")
        with picture_budget.room_for(pixels):
            image.load()
            has_bad_profile = bool(image.info.get("icc_profile")) and not _icc_profile(image)
            if image.mode in _PLAIN_MODES and not is_large and not has_bad_profile and containers.is_bare(data):
                return _picture(data, kind, image.size)
            return _remade(image, kind, bounds)


def _tile_pixels(image: Image.Image) -> int:
    """The size of a TIFF's tiles: a small picture can claim to be a corner of a huge one."""
    tags = getattr(image, "tag_v2", {})
    return int(tags.get(_TILE_WIDTH, 0)) * int(tags.get(_TILE_LENGTH, 0))


def _picture(data: bytes, kind: str, size: tuple[int, int]) -> Picture:
    return Picture(data, f"image/{kind.lower()}", EXTENSIONS[kind], *size)


def _remade(image: Image.Image, kind: str, bounds: _Bounds) -> Picture:
    """The pixels, upright and no larger than allowed, and the colour profile; nothing else."""
    with suppress(Exception):  # what a broken EXIF raises; the picture is still one
        ImageOps.exif_transpose(image, in_place=True)
    if kind not in EXTENSIONS:
        kind = "PNG" if image.has_transparency_data or image.mode in {"1", "P"} else "JPEG"
    is_plain = image.mode in _PLAIN_MODES and (kind == "PNG" or image.mode in {"L", "RGB"})
    if max(image.size) > bounds.max_side:
        image = _flat(image)
        image.thumbnail((bounds.max_side, bounds.max_side), Image.Resampling.LANCZOS)
    elif not is_plain:
        image = _flat(image)
    remade = _encoded(image, kind, quality=95)
    if len(remade.data) <= bounds.max_bytes:
        return remade
    # what comes out must be fit to go in again
    return _encoded(_on_white(image), "JPEG", quality=80)


def _icc_profile(image: Image.Image) -> bytes | None:
    """The picture's colour profile, if it is one, and one for such pictures."""
    icc = image.info.get("icc_profile")
    if not isinstance(icc, bytes) or len(icc) > ICC_MAX_BYTES:
        return None
    try:
        space = ImageCms.ImageCmsProfile(io.BytesIO(icc)).profile.xcolor_space.strip()
    except Exception:  # LittleCMS raises several kinds
        return None
    wanted = {"CMYK": "CMYK", "L": "GRAY", "LA": "GRAY", "1": "GRAY"}.get(image.mode, "RGB")
    return icc if space == wanted else None


def _flat(image: Image.Image) -> Image.Image:
    """The picture in 8 bits a channel: grey, RGB, or RGBA where it has transparent parts."""
    if image.mode.startswith("I"):
        image = image.point(lambda value: value * (1 / 257)).convert("L")  # 16 bits; convert() alone would clip
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode == "CMYK":
        return _from_cmyk(image)
    return image if image.mode in {"L", "RGB"} else image.convert("RGB")


def _from_cmyk(image: Image.Image) -> Image.Image:
    """In RGB; by its profile where it has one, as inks don't look the way the plain formula says."""
    if icc := _icc_profile(image):
        with suppress(ImageCms.PyCMSError):
            made = ImageCms.profileToProfile(
                image, ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            assert made is not None  # None is for a change in place
            return made
    return image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image.convert("RGBA"))
    return white.convert("RGB")


def _encoded(image: Image.Image, kind: str, *, quality: int) -> Picture:
    """The file. What else the decoder has found is left behind: the encoders would write some of it."""
    icc = _icc_profile(image)
    image.info = {"transparency": image.info["transparency"]} if "transparency" in image.info else {}
    out = io.BytesIO()
    image.save(out, kind, quality=quality, icc_profile=icc, exif=b"")
    return _picture(out.getvalue(), kind, image.size)
