"""Images that tests upload, and helpers to inspect the results."""

import io
from typing import Any

from PIL import Image

from studio.media.images import ImageFile, read_image

ORIENTATION, GPS_IFD = 0x0112, 0x8825


def read(data: bytes, **options: Any) -> ImageFile:
    return read_image(io.BytesIO(data), **options)


def opened(picture: ImageFile) -> Image.Image:
    return Image.open(io.BytesIO(picture.data))


def two_tone(mode: str = "RGB") -> Image.Image:
    """Wide, and red on its left half."""
    image = Image.new(mode, (40, 20), "blue")
    image.paste("red", (0, 0, 20, 20))
    return image


def exif_of_a_phone(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(GPS_IFD)[1] = "N"
    exif.get_ifd(GPS_IFD)[2] = (59.0, 20.0, 7.0)
    return exif


def is_red(pixel: Any) -> bool:
    return pixel[0] > 200 and pixel[2] < 60
