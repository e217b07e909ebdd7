"""Uploaded pictures: really decoded, bounded, turned upright, and rid of what a camera wrote into them."""

import io
import warnings
from dataclasses import dataclass
from typing import IO, Any

from django.conf import settings
from django.core.files import File
from PIL import Image, ImageOps

EXTENSIONS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}


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


def read_picture(file: "IO[bytes] | File[Any]", *, max_bytes: int | None = None) -> Picture:
    """The picture in a file: PNG, JPEG or WebP, within the limits of the settings.

    Bytes without metadata are kept as they are. Raises BadImage.
    """
    limit = max_bytes or settings.IMAGE_MAX_BYTES
    data = file.read(limit + 1)
    if len(data) > limit:
        raise BadImage(f"The image is larger than {limit // settings.MIB} MiB.")
    if not data:
        raise BadImage("The file is empty.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns about sizes and tags that are checked or dropped here
        try:
            return _decoded(data)
        except BadImage:
            raise
        except Image.DecompressionBombError as exc:
            raise _too_many_pixels() from exc
        except Exception as exc:  # Pillow's decoders raise nearly anything on crafted files
            raise BadImage("The image is damaged, or no PNG, JPEG or WebP.") from exc


def _too_many_pixels() -> BadImage:
    return BadImage(f"The image has more than {settings.IMAGE_MAX_PIXELS // 1_000_000} megapixels.")


def _decoded(data: bytes) -> Picture:
    with Image.open(io.BytesIO(data), formats=list(EXTENSIONS)) as image:
        if image.width * image.height > settings.IMAGE_MAX_PIXELS:  # from the header: nothing is decoded yet
            raise _too_many_pixels()
        kind = str(image.format)
        image.load()
        upright = ImageOps.exif_transpose(image)
        if upright.getexif() or image.getexif():
            data = _encoded(upright, kind)
        return Picture(data, f"image/{kind.lower()}", EXTENSIONS[kind], upright.width, upright.height)


def _encoded(image: Image.Image, kind: str) -> bytes:
    """The pixels and the colour profile, nothing else."""
    image.info = {"icc_profile": image.info["icc_profile"]} if "icc_profile" in image.info else {}
    image.getexif().clear()
    out = io.BytesIO()
    image.save(out, kind, quality=95, icc_profile=image.info.get("icc_profile"), exif=b"")
    return out.getvalue()
