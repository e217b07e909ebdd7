"""Metadata of cameras and programs is removed, except colour profiles."""

import struct
import zlib

import pytest
from PIL import Image, ImageCms

from studio.media.image_formats import is_bare
from studio.media.images import BadImage
from tests.studio.media.heic import heic
from tests.studio.media.hostile_images import PNG_SIGNATURE, chunk, png_of, saved
from tests.studio.media.pictures import exif_of_a_phone, is_red, opened, read, two_tone


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_location_and_camera_are_gone(kind: str) -> None:
    data = saved(two_tone(), kind, exif=exif_of_a_phone(), xmp=b"<x:xmpmeta>GPSLatitude=59</x:xmpmeta>")
    assert b"SecretCamera" in data

    picture = read(data)

    assert (picture.width, picture.height) == (40, 20)
    assert not any(secret in picture.data for secret in (b"SecretCamera", b"GPSLatitude", b"Exif", b"eXIf", b"EXIF"))
    assert dict(opened(picture).getexif()) == {}


@pytest.mark.parametrize(
    "data",
    [
        saved(two_tone(), "JPEG", comment=b"taken at HOME"),
        saved(two_tone(), "JPEG", xmp=b"<x:xmpmeta>HOME</x:xmpmeta>"),
        saved(two_tone(), "JPEG") + b"HOME",
        saved(two_tone(), "JPEG") + saved(two_tone(), "JPEG", comment=b"HOME"),
        saved(two_tone(), "WEBP", xmp=b"<x:xmpmeta>HOME</x:xmpmeta>"),
        saved(two_tone(), "WEBP") + b"HOME",
        saved(two_tone()) + b"HOME",
        saved(two_tone())[:33] + chunk(b"tEXt", b"Comment\0HOME") + saved(two_tone())[33:],
        saved(two_tone())[:33] + chunk(b"juMb", b"HOME") + saved(two_tone())[33:],
    ],
    ids=["comment", "xmp", "tail", "second picture", "webp xmp", "webp tail", "png tail", "png text", "png own chunk"],
)
def test_metadata_is_removed(data: bytes) -> None:
    picture = read(data)

    assert b"HOME" not in picture.data
    assert is_bare(picture.data)
    assert is_red(opened(picture).convert("RGB").getpixel((5, 5)))


def _with_more_idat(data: bytes, more: bytes) -> bytes:
    at = data.index(b"IEND") - 4
    return data[:at] + more + data[at:]


def interlaced() -> bytes:
    """7 x 5 pixels in 8 bits of grey, with what each pass has of them."""
    widths_and_rows = ((1, 1), (1, 1), (2, 1), (2, 2), (4, 1), (3, 3), (7, 2))
    rows = b"".join((b"\0" + b"\x80" * width) * count for width, count in widths_and_rows)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 7, 5, 8, 0, 0, 0, 1))
    return PNG_SIGNATURE + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND")


PLAIN = {kind: saved(two_tone(), kind) for kind in ("PNG", "JPEG", "WEBP")}
ROWS = b"".join(b"\0" + bytes([200, 0, 0] * 40) for _ in range(20))
HIDDEN = {
    "jpeg tail that ends as a jpeg does": PLAIN["JPEG"] + b"HOME\xff\xd9",
    "jpeg end mark within": PLAIN["JPEG"][:-2] + b"\xff\xd9HOME" + PLAIN["JPEG"][-2:],
    "progressive jpeg's tail": saved(two_tone(), "JPEG", progressive=True) + b"HOME\xff\xd9",
    "png's end mark is not empty": PLAIN["PNG"][:-12] + chunk(b"IEND", b"HOME"),
    "png's second background": PLAIN["PNG"][:33] + chunk(b"bKGD", b"HOMEHO") * 2 + PLAIN["PNG"][33:],
    "png's large background": PLAIN["PNG"][:33] + chunk(b"bKGD", b"HOME" * 100) + PLAIN["PNG"][33:],
    "png's pixels after the last one": _with_more_idat(PLAIN["PNG"], chunk(b"IDAT", b"HOME")),
    "png's rows after the last one": png_of(40, 20, chunk(b"IDAT", zlib.compress(ROWS + b"HOME" * 9, 0))),
    "webp's second picture": PLAIN["WEBP"][:4]
    + (len(PLAIN["WEBP"]) + 4).to_bytes(4, "little")
    + PLAIN["WEBP"][8:]
    + b"VP8 \4\0\0\0HOME",
}


@pytest.mark.parametrize("data", HIDDEN.values(), ids=list(HIDDEN))
def test_hidden_data_is_removed(data: bytes) -> None:
    assert not is_bare(data)

    picture = read(data)

    assert b"HOME" not in picture.data
    assert is_bare(picture.data)


@pytest.mark.parametrize("kind", [*PLAIN, "HEIF", "GIF", "BMP", "TIFF", "AVIF"])
def test_tail_of_every_format_is_cut(kind: str) -> None:
    data = heic(two_tone()) if kind == "HEIF" else saved(two_tone(), kind)
    end = b"\xff\xd9" if kind == "JPEG" else b""

    picture = read(data + b"<?php HOME" * 200 + end, any_format=True)

    assert b"HOME" not in picture.data
    assert is_bare(picture.data)


@pytest.mark.parametrize(
    "data",
    [
        *PLAIN.values(),
        saved(two_tone(), "JPEG", progressive=True),
        saved(two_tone(), "JPEG", restart_marker_blocks=1),
        saved(two_tone().convert("P")),
        saved(two_tone().convert("1")),
        saved(two_tone().convert("RGBA")),
        saved(two_tone().convert("LA"), bits=8),
        saved(two_tone().convert("RGBA"), "WEBP", lossless=True),
        saved(two_tone().resize((700, 900)), compress_level=0),
        interlaced(),
    ],
)
def test_plain_image_is_kept_unchanged(data: bytes) -> None:
    assert read(data).data == data


def test_decompression_bomb_is_not_decompressed() -> None:
    packer = zlib.compressobj(9)
    endless = b"".join([packer.compress(ROWS), *(packer.compress(bytes(2**20)) for _ in range(64)), packer.flush()])

    assert not is_bare(png_of(40, 20, chunk(b"IDAT", endless)))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_image_is_rotated_upright(kind: str) -> None:
    picture = read(saved(two_tone(), kind, exif=exif_of_a_phone(orientation=6)), any_format=True)  # 6: a quarter right

    assert (picture.width, picture.height) == (20, 40)
    assert is_red(opened(picture).convert("RGB").getpixel((10, 5)))
    assert not is_red(opened(picture).convert("RGB").getpixel((10, 35)))


def test_broken_exif_costs_only_the_exif() -> None:
    broken = b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"SecretCamera" * 5
    for kind in ("PNG", "JPEG", "WEBP"):
        picture = read(saved(two_tone(), kind, exif=broken))

        assert (picture.width, picture.height) == (40, 20)
        assert b"SecretCamera" not in picture.data


def test_colour_profile_stays_without_other_metadata() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = read(saved(two_tone(), "JPEG", icc_profile=profile, exif=exif_of_a_phone()))

    assert opened(picture).info["icc_profile"] == profile


@pytest.mark.parametrize("profile", [b"no profile at all, but HOME", b"HOME" * 500_000], ids=["nonsense", "huge"])
@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_broken_colour_profile_costs_only_the_profile(kind: str, profile: bytes) -> None:
    picture = read(saved(two_tone(), kind, icc_profile=profile))

    assert "icc_profile" not in opened(picture).info
    assert b"HOME" not in picture.data


def test_broken_colour_profile_of_a_png_costs_only_the_profile() -> None:
    picture = read(saved(two_tone(), icc_profile=b"no profile at all, but HOME"))

    assert "icc_profile" not in opened(picture).info
    with pytest.raises(BadImage, match="damaged"):  # Pillow itself decompresses no more than a MiB
        read(saved(two_tone(), icc_profile=b"HOME" * 500_000))


def test_phone_image_with_a_depth_map_is_a_jpeg() -> None:
    # what iPhones write: two pictures in one file, which Pillow calls MPO
    data = saved(two_tone(), "MPO", save_all=True, append_images=[Image.new("RGB", (40, 20), "green")])

    picture = read(data)

    assert (picture.content_type, picture.width, picture.height) == ("image/jpeg", 40, 20)
    assert len(picture.data) < len(data)
