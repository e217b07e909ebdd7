"""What cameras and programs write into pictures: none of it is kept but the colours' meaning."""

import pytest
from PIL import Image, ImageCms

from studio.containers import is_bare
from studio.images import BadImage
from tests.studio.hostile_images import chunk, saved
from tests.studio.pictures import exif_of_a_phone, is_red, opened, read, two_tone


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
def test_nothing_rides_along_with_a_picture(data: bytes) -> None:
    picture = read(data)

    assert b"HOME" not in picture.data
    assert is_bare(picture.data)
    assert is_red(opened(picture).convert("RGB").getpixel((5, 5)))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_picture_is_turned_upright(kind: str) -> None:
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


def test_colour_profile_stays_when_the_rest_goes() -> None:
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


def test_phone_picture_with_a_depth_map_is_a_jpeg() -> None:
    # what iPhones write: two pictures in one file, which Pillow calls MPO
    data = saved(two_tone(), "MPO", save_all=True, append_images=[Image.new("RGB", (40, 20), "green")])

    picture = read(data)

    assert (picture.content_type, picture.width, picture.height) == ("image/jpeg", 40, 20)
    assert len(picture.data) < len(data)
