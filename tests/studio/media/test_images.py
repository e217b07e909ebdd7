"""Uploaded images: which are kept unchanged, and how the others are converted."""

import struct
import time

import pytest
from PIL import Image, ImageCms

from studio.media.image_formats import is_bare
from studio.media.images import BadImage, ImageFile, thumbnail_of
from tests.studio.media.hostile_images import animated_gif, png_of, saved
from tests.studio.media.pictures import exif_of_a_phone, is_red, opened, read, two_tone

# -- What is kept


@pytest.mark.parametrize(("kind", "extension"), [("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp")])
def test_image_without_metadata_is_kept_byte_for_byte(kind: str, extension: str) -> None:
    data = saved(two_tone(), kind)

    assert read(data) == ImageFile(data, f"image/{kind.lower()}", extension, 40, 20)
    assert read(data, any_format=True, max_side=40) == ImageFile(data, f"image/{kind.lower()}", extension, 40, 20)


def test_file_from_a_camera_program_with_a_colour_profile_is_kept() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("PNG", "JPEG", "WEBP"):
        data = saved(two_tone(), kind, icc_profile=profile)

        assert read(data).data == data


def test_progressive_jpeg_is_kept() -> None:
    data = saved(Image.effect_noise((400, 300), 80), "JPEG", progressive=True)

    assert read(data).data == data


# -- What is converted


@pytest.mark.parametrize(
    ("kind", "mode", "becomes"),
    [
        ("GIF", "P", "image/png"),
        ("BMP", "RGB", "image/jpeg"),
        ("BMP", "1", "image/png"),
        ("TIFF", "RGB", "image/jpeg"),
        ("TIFF", "RGBA", "image/png"),
        ("TIFF", "CMYK", "image/jpeg"),
        ("AVIF", "RGB", "image/jpeg"),
        ("AVIF", "RGBA", "image/png"),
    ],
)
def test_other_formats_are_converted_where_they_are_wanted(kind: str, mode: str, becomes: str) -> None:
    image = two_tone().convert(mode)
    if mode == "RGBA":
        image.putalpha(128)
    data = saved(image, kind)

    picture = read(data, any_format=True)

    assert (picture.content_type, picture.width, picture.height) == (becomes, 40, 20)
    assert picture.content_type == f"image/{str(opened(picture).format).lower()}"
    assert is_bare(picture.data)
    with pytest.raises(BadImage, match=rf"This is an? {kind}; send PNG, JPEG, WebP or HEIC\."):
        read(data)


@pytest.mark.slow
def test_long_animation_becomes_its_first_frame() -> None:
    data = animated_gif(10_000)

    began = time.process_time()
    picture = read(data, any_format=True)

    assert time.process_time() - began < 0.5
    assert (picture.content_type, picture.width, picture.height) == ("image/png", 64, 64)


def test_cmyk_becomes_rgb() -> None:
    picture = read(saved(Image.new("CMYK", (40, 20), (0, 255, 255, 0)), "JPEG"))

    assert (picture.content_type, opened(picture).mode) == ("image/jpeg", "RGB")
    assert is_red(opened(picture).getpixel((5, 5)))


def printers_profile() -> bytes:
    """A CMYK profile (ICC.1:2001-04, 6.5.7) after which any ink is red, so that its colours cannot be guessed."""
    tables, white, red = bytes(range(256)), bytes((255, 128, 128)), bytes((136, 208, 195))
    lut = b"mft1" + bytes(4) + bytes((4, 3, 2, 0))
    lut += struct.pack(">9i", *(65_536 if place % 4 == 0 else 0 for place in range(9)))
    lut += tables * 4 + white + red * 15 + tables * 3
    head = struct.pack(">I4sI4s4s4s12s4s", 144 + len(lut), b"", 0x02400000, b"prtr", b"CMYK", b"Lab ", b"", b"acsp")
    head += bytes(28) + struct.pack(">III", 0xF6D6, 0x10000, 0xD32D)  # D50
    return head.ljust(128, b"\0") + struct.pack(">I4sII", 1, b"A2B0", 144, len(lut)) + lut


def test_cmyk_becomes_rgb_by_its_profile() -> None:
    cyan = Image.new("CMYK", (40, 20), (255, 0, 0, 0))

    picture = read(saved(cyan, "JPEG", icc_profile=printers_profile()))

    assert opened(picture).mode == "RGB"
    red, green, blue = opened(picture).getpixel((5, 5))  # type: ignore[misc]
    assert red > 100 > 2 * max(green, blue)
    assert opened(read(saved(cyan, "JPEG"))).getpixel((5, 5)) == (0, 255, 255)
    assert "icc_profile" not in opened(picture).info


def test_16_bits_become_8_and_are_not_clipped() -> None:
    picture = read(saved(Image.new("I;16", (40, 20), 0x8080)))

    assert (picture.content_type, opened(picture).mode) == ("image/png", "L")
    assert opened(picture).getpixel((5, 5)) == 0x80


def test_palette_with_transparency_stays_transparent_when_scaled() -> None:
    image = Image.new("P", (40, 20), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.paste(0, (0, 0, 20, 20))
    data = saved(image, transparency=0)

    assert read(data).data == data
    scaled = opened(read(data, max_side=20))
    assert (scaled.mode, scaled.size) == ("RGBA", (20, 10))
    assert scaled.getpixel((2, 5))[3] == 0  # type: ignore[index]
    assert scaled.getpixel((17, 5)) == (255, 0, 0, 255)
    assert thumbnail_of(read(data)).content_type == "image/webp"


# -- What is scaled


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_larger_image_is_scaled_down(kind: str) -> None:
    picture = read(saved(two_tone().resize((1000, 500)), kind), any_format=True, max_side=400)

    assert (picture.width, picture.height) == (400, 200)
    assert opened(picture).size == (400, 200)
    assert is_red(opened(picture).convert("RGB").getpixel((50, 50)))


def test_thread_of_pixels_keeps_one_in_each_direction() -> None:
    picture = read(png_of(20_000, 1), max_side=100)

    assert (picture.width, picture.height) == (100, 1)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_image_that_would_grow_too_large_becomes_a_smaller_jpeg(mode: str) -> None:
    noise = Image.merge(mode, [Image.effect_noise((300, 300), 200) for _ in mode])
    data = saved(noise, "AVIF", quality=10)

    picture = read(data, any_format=True, max_bytes=100_000)

    assert len(saved(noise, "JPEG" if mode == "RGB" else "PNG", quality=95)) > 100_000
    assert (picture.content_type, picture.width, len(picture.data) <= 100_000) == ("image/jpeg", 300, True)


def test_thumbnail_is_small_and_a_jpeg() -> None:
    picture = read(saved(two_tone().resize((2000, 1000)), exif=exif_of_a_phone()))

    thumbnail = thumbnail_of(picture)

    assert (thumbnail.content_type, thumbnail.extension, thumbnail.width, thumbnail.height) == (
        "image/jpeg",
        "jpg",
        512,
        256,
    )
    assert is_bare(thumbnail.data)
    assert len(thumbnail.data) < 20_000


def test_thumbnail_of_something_small_does_not_grow() -> None:
    assert (thumbnail_of(read(saved(two_tone()))).width, thumbnail_of(read(saved(two_tone())), side=10).width) == (
        40,
        10,
    )
