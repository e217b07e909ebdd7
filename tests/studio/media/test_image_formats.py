"""Every format of file: accepted ones are converted correctly, others are refused by name."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from studio.media.image_formats import is_bare
from studio.media.images import BadImage, thumbnail_of
from tests.studio.media.heic import heic
from tests.studio.media.hostile_images import PNG_SIGNATURE, animated_gif, chunk, saved
from tests.studio.media.pictures import exif_of_a_phone, is_red, opened, read, two_tone

FRAMES = "PNG, JPEG, WebP or HEIC"
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
GREY, RGB, GREY_ALPHA, RGB_ALPHA = 0, 2, 4, 6  # colour types of PNG
KINDS_OF_PNG = [(depth, GREY) for depth in (1, 2, 4, 8, 16)]
KINDS_OF_PNG += [(depth, colour) for depth in (8, 16) for colour in (RGB, GREY_ALPHA, RGB_ALPHA)]


def refusal_of(data: bytes, **options: Any) -> str:
    with pytest.raises(BadImage) as refusal:
        read(data, **options)
    return str(refusal.value)


# -- HEIC


@pytest.mark.parametrize("options", [{}, {"any_format": True, "max_side": 4096}], ids=["frame", "look"])
def test_heic_becomes_a_jpeg(options: dict[str, Any]) -> None:
    picture = read(heic(two_tone().resize((80, 40))), **options)

    assert (picture.content_type, picture.extension, picture.width, picture.height) == ("image/jpeg", "jpg", 80, 40)
    assert is_bare(picture.data)
    assert is_red(opened(picture).getpixel((10, 20)))
    assert not is_red(opened(picture).getpixel((70, 20)))
    assert (thumbnail_of(picture).width, thumbnail_of(picture).height) == (80, 40)


def test_heic_is_rotated_once_by_its_own_boxes() -> None:
    image = two_tone().resize((80, 40))
    exif = b"Exif\0\0" + exif_of_a_phone(orientation=6).tobytes().removeprefix(b"Exif\0\0")

    turned = read(heic(image, quarters_left=1, exif=exif))
    unturned = read(heic(image, exif=exif))

    assert (turned.width, turned.height) == (40, 80)
    assert is_red(opened(turned).getpixel((20, 70)))  # a quarter to the left brings the left half down
    assert (unturned.width, unturned.height) == (80, 40)
    assert not any(b"SecretCamera" in picture.data for picture in (turned, unturned))


def test_heic_is_bounded_before_it_is_decoded() -> None:
    image = Image.new("RGB", (800, 600), "red")

    assert refusal_of(heic(image), max_pixels=1000) == "The image has more than 0 megapixels."
    assert refusal_of(heic(image, claimed_size=(64, 64))) == "The HEIC is damaged, or of a kind that cannot be read."
    assert refusal_of(heic(image)[:-500]) == "The HEIC is damaged, or of a kind that cannot be read."


def test_heic_sequence_is_no_frame() -> None:
    assert refusal_of(heic(two_tone().resize((80, 40)), brand=b"hevc"), still_only=True) == (
        "The image is animated; send a still one."
    )


# -- AVIF


@pytest.mark.parametrize("orientation", range(1, 9))
def test_avif_is_rotated_by_its_boxes(orientation: int) -> None:
    upright = two_tone().resize((80, 40))
    data = saved(upright, "AVIF", exif=exif_of_a_phone(orientation))  # Pillow writes `irot` and `imir`, and no tag

    picture = read(data, any_format=True)
    other = read(saved(upright, "JPEG", exif=exif_of_a_phone(orientation)))

    for point in ((2, 2), (picture.width - 3, picture.height - 3)):
        assert is_red(opened(picture).getpixel(point)) == is_red(opened(other).getpixel(point))
    assert (picture.width, picture.height) == (other.width, other.height)


def test_avif_is_not_rotated_by_exif() -> None:
    exif = Image.Exif()
    exif[0x0113] = 6
    data = saved(two_tone(), "AVIF", exif=exif)  # of the true tag Pillow would make an `irot`
    tag, orientation = (struct.pack(">HHI", number, 3, 1) for number in (0x0113, 0x0112))
    assert tag in data

    picture = read(data.replace(tag, orientation), any_format=True)

    assert (picture.width, picture.height) == (40, 20)


@pytest.mark.parametrize("kind", ["AVIF", "JPEG", "WEBP"])
def test_xmp_does_not_rotate(kind: str) -> None:
    data = saved(two_tone(), kind, xmp=b'<x:xmpmeta tiff:Orientation="6"/>')

    assert (read(data, any_format=True).width, read(data, any_format=True).height) == (40, 20)


# -- PNG


def png_of_rows(width: int, height: int, depth: int, colour: int, *, interlaced: bool) -> bytes:
    """Every value at its fullest, so that it is white."""
    channels = {GREY: 1, RGB: 3, GREY_ALPHA: 2, RGB_ALPHA: 4}[colour]
    rows = b""
    for x, y, by_x, by_y in PASSES if interlaced else ((0, 0, 1, 1),):
        columns, lines = len(range(x, width, by_x)), len(range(y, height, by_y))
        if columns:
            rows += (b"\0" + b"\xff" * ((columns * channels * depth + 7) // 8)) * lines
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return PNG_SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND")


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("depth", "colour"), KINDS_OF_PNG)
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (300, 400), (513, 7)])
def test_every_png_has_a_thumbnail(interlaced: bool, colour: int, depth: int, size: tuple[int, int]) -> None:
    picture = read(png_of_rows(*size, depth, colour, interlaced=interlaced))

    thumbnail = thumbnail_of(picture)

    assert (picture.width, picture.height) == size
    assert opened(picture).convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    assert opened(thumbnail).convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_transparent_colour_of_16_bits_stays_transparent() -> None:
    for colour, pixels, key in (
        (GREY, (30_000, 65_535), (30_000,)),
        (RGB, (30_000, 40_000, 50_000, 65_535, 65_535, 65_535), (30_000, 40_000, 50_000)),
    ):
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, colour, 0, 0, 0))
        header += chunk(b"tRNS", struct.pack(f">{len(key)}H", *key))
        row = chunk(b"IDAT", zlib.compress(b"\0" + struct.pack(f">{len(pixels)}H", *pixels)))

        thumbnail = opened(thumbnail_of(read(PNG_SIGNATURE + header + row + chunk(b"IEND")))).convert("RGBA")

        assert [thumbnail.getpixel((x, 0))[3] for x in range(2)] == [0, 255]  # type: ignore[index]


# -- Animations


def animated(kind: str) -> bytes:
    pictures = [two_tone().resize((80, 40)), Image.new("RGB", (80, 40), "green")]
    return saved(pictures[0], kind, save_all=True, append_images=pictures[1:], duration=100)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "AVIF"])
def test_animation_is_no_frame_but_its_first_frame_is_a_look(kind: str) -> None:
    data = animated(kind)

    assert refusal_of(data, any_format=True, still_only=True) == "The image is animated; send a still one."
    picture = read(data, any_format=True)
    assert not getattr(opened(picture), "is_animated", False)
    assert is_red(opened(picture).convert("RGB").getpixel((10, 20)))
    assert is_red(opened(thumbnail_of(picture)).convert("RGB").getpixel((10, 20)))


def test_still_gif_is_not_an_animation() -> None:
    assert read(animated_gif(1), any_format=True, still_only=True).content_type == "image/png"


def test_second_page_or_depth_map_is_no_animation() -> None:
    for kind in ("TIFF", "MPO"):
        data = saved(two_tone(), kind, save_all=True, append_images=[two_tone()])

        assert (read(data, any_format=True, still_only=True).width) == 40


# -- Odd ones


def test_first_frame_of_a_gif_may_leave_parts_free() -> None:
    data = bytearray(saved(Image.new("P", (40, 20), 1), "GIF"))
    data[6:10] = struct.pack("<HH", 80, 60)

    for picture in (read(bytes(data), any_format=True), read(bytes(data), any_format=True, max_side=70)):
        alpha = opened(picture).convert("RGBA").getchannel("A")
        assert (alpha.getpixel((10, 10)), alpha.getpixel((60, 40))) == (255, 0)
        assert alpha.size == (picture.width, picture.height)


def test_negative_of_16_bits_is_no_longer_one() -> None:
    data = saved(Image.new("I;16", (40, 20), 0xFFFF), "TIFF", tiffinfo={262: 0})

    assert opened(read(data, any_format=True)).getpixel((5, 5)) == 0


def tiff_of_12_bits() -> bytes:
    """Two white pixels."""
    tags = [(256, 2), (257, 1), (258, 12), (259, 1), (262, 1), (273, 8 + 2 + 12 * 8 + 4), (277, 1), (279, 3)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + b"\xff\xff\xff"


@pytest.mark.parametrize(
    "data",
    [
        saved(Image.new("F", (40, 20), 0.5), "TIFF"),
        saved(Image.new("I", (40, 20), 30_000), "TIFF"),
        saved(Image.new("LAB", (40, 20)), "TIFF"),
        tiff_of_12_bits(),
    ],
    ids=["real numbers", "whole numbers of 32 bits", "Lab", "12 bits"],
)
def test_samples_without_a_set_meaning_are_refused(data: bytes) -> None:
    assert refusal_of(data, any_format=True) == (
        "The image is in Lab, or not in 8 or 16 bits a channel; save it as RGB in 8 or 16 bits."
    )


# -- What is refused


def media(brand: bytes) -> bytes:
    return struct.pack(">I", 24) + b"ftyp" + brand + bytes(4) + brand + b"isom" + bytes(100)


OTHERS: dict[str, Callable[[], bytes]] = {
    "a GIF": lambda: saved(two_tone(), "GIF"),
    "a BMP": lambda: saved(two_tone(), "BMP"),
    "a TIFF": lambda: saved(two_tone(), "TIFF"),
    "an AVIF": lambda: saved(two_tone(), "AVIF"),
    "an SVG": lambda: b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- drawn --><svg xmlns="http://www.w3.org/2000/svg"/>',
    "a web page (HTML)": lambda: b"\n<!DOCTYPE html><title>x</title>",
    "a PDF": lambda: b"%PDF-1.7\n",
    "a Photoshop file (PSD)": lambda: b"8BPS\0\1" + bytes(30),
    "an icon (ICO)": lambda: saved(two_tone(), "ICO"),
    "a JPEG 2000": lambda: saved(two_tone(), "JPEG2000"),
    "a JPEG XL": lambda: b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(30),
    "a ZIP archive or an office document": lambda: b"PK\3\4" + bytes(30),
    "an MP4 video": lambda: media(b"isom"),
    "a QuickTime video": lambda: media(b"qt  "),
    "a WebM or Matroska video": lambda: b"\x1aE\xdf\xa3" + bytes(30),
    "a camera's raw picture": lambda: b"II*\0\x10\0\0\0CR\2\0" + bytes(30),
    "text": lambda: b"data:image/png;base64,iVBORw0KGgo=",
}


@pytest.mark.parametrize("name", OTHERS)
def test_refusal_names_the_format(name: str) -> None:
    assert refusal_of(OTHERS[name]()) == f"This is {name}; send {FRAMES}."


def test_refusal_of_an_unknown_format_lists_the_known_ones() -> None:
    for data in (b"\x93\x94\x95\x96" * 9, b"\0", b"RIFF\0\0\0\0ABCD"):
        assert refusal_of(data) == f"This is not a picture format that we know; send {FRAMES}."


def test_preview_in_a_raw_image_is_refused() -> None:
    data = saved(two_tone(), "TIFF", tiffinfo={254: 1})

    assert refusal_of(data, any_format=True) == (
        "This is a camera's raw picture; send PNG, JPEG, WebP, HEIC, GIF, BMP, TIFF or AVIF."
    )


def test_heic_by_another_brand_is_one() -> None:
    assert read(heic(two_tone().resize((80, 40)), brand=b"mif1")).content_type == "image/jpeg"
    with pytest.raises(BadImage, match="This is an AVIF"):
        read(saved(two_tone(), "AVIF").replace(b"ftypavif", b"ftypmif1", 1))
    assert Image.open(io.BytesIO(heic(two_tone().resize((80, 40))))).format == "HEIF"
