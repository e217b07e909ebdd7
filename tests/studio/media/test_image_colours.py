"""Colours are preserved for every form of colour space, in the stored image and in its thumbnail."""

import io
import struct
import time
import zlib
from collections.abc import Callable, Sequence

import pytest
from PIL import Image

from studio.media.images import BadImage, ImageFile, thumbnail_of
from tests.studio.media import colours
from tests.studio.media.colours import P3, PATCHES, REC2020, SRGB, display_p3_profile, grey_profile, power, srgb_curve
from tests.studio.media.heic import heic
from tests.studio.media.hostile_images import chunk, profile_of_elements, saved
from tests.studio.media.pictures import opened, read

MOST = 3  # CIE76, in the mean
P3_NUMBERS = (31_270, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000)
SRGB_NUMBERS = (31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000)
TEXT = chunk(b"tEXt", b"Software\0x")
XMP = b"<x:xmpmeta>x</x:xmpmeta>"


def png(*chunks: bytes, image: Image.Image | None = None) -> bytes:
    data = saved(image or colours.patches())
    return data[:33] + b"".join(chunks) + data[33:]


def gamma(exponent: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(100_000 / exponent)))


def chromaticities(numbers: Sequence[int]) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *numbers))


def coded(primaries: int, transfer: int, *, matrix: int = 0, is_full_range: int = 1) -> bytes:
    return chunk(b"cICP", bytes((primaries, transfer, matrix, is_full_range)))


def profile_chunk(icc: bytes) -> bytes:
    return chunk(b"iCCP", b"x\0\0" + zlib.compress(icc))


def avif(primaries: int, transfer: int) -> bytes:
    data = saved(colours.patches(), "AVIF", quality=100, subsampling="4:4:4")
    at = data.index(b"nclx") + 4
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


def bmp(icc: bytes) -> bytes:
    """With the header's fifth version; what Pillow writes has the first."""
    image = colours.patches()
    pixels = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes("raw", "BGR")
    header = struct.pack("<IiiHHIIiiII", 124, *image.size, 1, 24, 0, len(pixels), 0, 0, 0, 0)
    header += bytes(16) + b"DEBM" + bytes(48) + struct.pack("<IIII", 4, 124 + len(pixels), len(icc), 0)
    return struct.pack("<2sIII", b"BM", 0, 0, 14 + 124) + header + pixels + icc


def with_profile(kind: str, **options: object) -> bytes:
    return saved(colours.patches(), kind, icc_profile=display_p3_profile(), quality=95, **options)


P3_IN_SRGB = colours.in_srgb(PATCHES, P3, srgb_curve)
FILES: dict[str, tuple[Callable[[], bytes], list[list[float]]]] = {
    "png without": (png, colours.in_srgb(PATCHES, SRGB, srgb_curve)),
    "png gamma 1.0": (lambda: png(gamma(1)), colours.in_srgb(PATCHES, SRGB, power(1))),
    "png gamma 1.8": (lambda: png(gamma(1.8)), colours.in_srgb(PATCHES, SRGB, power(1.8))),
    "png gamma 2.2": (lambda: png(gamma(2.2)), colours.in_srgb(PATCHES, SRGB, power(2.2))),
    "png primaries": (
        lambda: png(gamma(2.2), chromaticities(P3_NUMBERS)),
        colours.in_srgb(PATCHES, P3, power(2.2)),
    ),
    "png cICP P3": (lambda: png(coded(12, 13)), P3_IN_SRGB),
    "png cICP BT.2020": (lambda: png(coded(9, 14)), colours.in_srgb(PATCHES, REC2020, power(2.4))),
    "png cICP linear": (lambda: png(coded(1, 8)), colours.in_srgb(PATCHES, SRGB, power(1))),
    "png profile": (lambda: png(profile_chunk(display_p3_profile())), P3_IN_SRGB),
    "jpeg profile": (lambda: with_profile("JPEG"), P3_IN_SRGB),
    "webp profile": (lambda: with_profile("WEBP"), P3_IN_SRGB),
    "webp profile, lossless": (lambda: with_profile("WEBP", lossless=True), P3_IN_SRGB),
    "tiff profile": (lambda: with_profile("TIFF"), P3_IN_SRGB),
    "bmp profile": (lambda: bmp(display_p3_profile()), P3_IN_SRGB),
    "avif profile": (lambda: with_profile("AVIF"), P3_IN_SRGB),
    "avif P3": (lambda: avif(12, 13), P3_IN_SRGB),
    "avif as a video's": (lambda: avif(1, 1), colours.in_srgb(PATCHES, SRGB, srgb_curve)),
    "avif unspecified": (lambda: avif(2, 2), colours.in_srgb(PATCHES, SRGB, srgb_curve)),
    "heic profile": (lambda: heic(colours.patches(), icc=display_p3_profile()), P3_IN_SRGB),
    "heic P3": (lambda: heic(colours.patches(), nclx=(12, 13)), P3_IN_SRGB),
    "heic without": (lambda: heic(colours.patches()), colours.in_srgb(PATCHES, SRGB, srgb_curve)),
}


@pytest.mark.parametrize("name", FILES)
def test_colours_are_those_that_the_file_means(name: str) -> None:
    build, wanted = FILES[name]

    picture = read(build(), any_format=True)

    assert colours.mean_difference(colours.seen(picture), wanted) < MOST
    thumbnail = thumbnail_of(picture)
    assert "icc_profile" not in opened(thumbnail).info
    assert colours.mean_difference(colours.seen(thumbnail), wanted) < MOST


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("png")])
def test_colours_survive_the_removal_of_a_text_chunk(name: str) -> None:
    build, wanted = FILES[name]
    data = build()

    picture = read(data[:33] + TEXT + data[33:])

    assert TEXT not in picture.data
    assert colours.mean_difference(colours.seen(picture), wanted) < MOST


@pytest.mark.parametrize("name", ["JPEG", "WEBP"])
def test_colours_survive_the_removal_of_metadata(name: str) -> None:
    picture = read(with_profile(name, xmp=XMP))

    assert XMP not in picture.data
    assert colours.mean_difference(colours.seen(picture), P3_IN_SRGB) < MOST


@pytest.mark.parametrize("name", FILES)
def test_colours_survive_scaling(name: str) -> None:
    build, wanted = FILES[name]

    picture = read(build(), any_format=True, max_side=96)

    assert (picture.width, picture.height) == (96, 48)
    assert colours.mean_difference(colours.seen(picture), wanted) < MOST


def test_other_statements_of_srgb_keep_the_file() -> None:
    srgb = chunk(b"sRGB", b"\0")
    for chunks in (
        (srgb,),
        (srgb, gamma(1)),
        (gamma(2.2), chromaticities(SRGB_NUMBERS)),
        (coded(1, 13),),
        (chromaticities(P3_NUMBERS),),
        (profile_chunk(display_p3_profile()), gamma(1)),
    ):
        assert read(png(*chunks)).data == png(*chunks)


def test_first_statement_counts() -> None:
    wide = profile_chunk(display_p3_profile())
    for chunks, wanted in (
        ((coded(1, 13), wide), colours.in_srgb(PATCHES, SRGB, srgb_curve)),
        ((coded(12, 13), chunk(b"sRGB", b"\0")), P3_IN_SRGB),
        ((wide, chunk(b"sRGB", b"\0")), P3_IN_SRGB),
        ((profile_chunk(b"nonsense"), gamma(1)), colours.in_srgb(PATCHES, SRGB, power(1))),
    ):
        assert colours.mean_difference(colours.seen(read(png(*chunks))), wanted) < 1


@pytest.mark.parametrize("mode", ["L", "LA", "1", "I;16"])
def test_grey_image_keeps_its_greys(mode: str) -> None:
    grey = colours.patches("L")
    if mode == "1":
        grey = grey.point(lambda value: 255 if value > 128 else 0)
    image = grey.convert("I;16").point(lambda value: value * 257) if mode == "I;16" else grey.convert(mode)
    wanted = colours.in_srgb(colours.middles(grey.convert("RGB")), SRGB, power(1))

    for statement in (profile_chunk(grey_profile(1)), gamma(1), gamma(1) + chromaticities(P3_NUMBERS)):
        picture = read(png(statement, image=image))

        assert opened(picture).mode in {"L", "LA"}
        assert colours.mean_difference(colours.seen(picture), wanted) < MOST
        assert colours.mean_difference(colours.seen(thumbnail_of(picture)), wanted) < MOST


def test_transparent_parts_stay_when_colours_are_converted() -> None:
    for mode in ("RGBA", "LA"):
        image = colours.patches(mode)
        image.paste(0, (0, 0, 32, 32))

        for picture in (read(png(gamma(1), image=image)), thumbnail_of(read(png(gamma(1), image=image)))):
            alpha = opened(picture).convert("RGBA").getchannel("A")
            assert (alpha.getpixel((16, 16)), alpha.getpixel((48, 16))) == (0, 255)


def test_palette_is_converted_too() -> None:
    palette = colours.patches().quantize(32)

    picture = read(png(gamma(1), image=palette))

    assert colours.mean_difference(colours.seen(picture), colours.in_srgb(PATCHES, SRGB, power(1))) < MOST


def hdr(kind: str) -> dict[str, bytes]:
    transfer = {"PQ": 16, "HLG": 18}[kind]
    return {
        "png": png(coded(9, transfer)),
        "avif": avif(9, transfer),
        "heic": heic(colours.patches(), nclx=(9, transfer)),
    }


@pytest.mark.parametrize("kind", ["PQ", "HLG"])
@pytest.mark.parametrize("container", ["png", "avif", "heic"])
def test_hdr_is_refused_in_words(kind: str, container: str) -> None:
    with pytest.raises(BadImage) as refusal:
        read(hdr(kind)[container], any_format=True)

    assert str(refusal.value) == f"The image is HDR ({kind}); save it in standard range (SDR), say as sRGB."


def test_colours_without_a_conversion_are_refused_in_words() -> None:
    for statement, sentence in (
        (coded(1, 13, matrix=1), "The image's colours are stored as video's are; save it as RGB in full range."),
        (coded(1, 13, is_full_range=0), "The image's colours are stored as video's are; save it as RGB in full range."),
        (coded(10, 13), "The image's colours are of a kind that we cannot convert; save it as sRGB."),
        (coded(1, 9), "The image's colours are of a kind that we cannot convert; save it as sRGB."),
    ):
        with pytest.raises(BadImage) as refusal:
            read(png(statement))

        assert str(refusal.value) == sentence


def test_invalid_colour_statements_are_ignored() -> None:
    as_srgb = colours.in_srgb(PATCHES, SRGB, srgb_curve)
    impossible = (31_270, 32_900, 30_000, 30_000, 30_000, 30_000, 30_000, 30_000)
    for chunks in (
        (chunk(b"gAMA", struct.pack(">I", 0)),),
        (chunk(b"gAMA", struct.pack(">I", 1)),),
        (gamma(2), chromaticities(impossible)),
        (gamma(2), chromaticities((0,) * 8)),
        (coded(2, 2),),
    ):
        picture: ImageFile = read(png(*chunks))

        assert colours.middles(opened(picture)) == list(PATCHES)
        assert colours.mean_difference(colours.seen(thumbnail_of(picture)), as_srgb) < 1


def test_profile_that_lacks_its_curves_costs_only_the_profile() -> None:
    broken = display_p3_profile().replace(b"rTRC", b"xTRC")

    picture = read(png(profile_chunk(broken)))

    assert opened(thumbnail_of(picture)).size == (192, 96)
    assert Image.open(io.BytesIO(picture.data)).mode == "RGB"


def test_profile_of_endless_steps_costs_only_the_profile() -> None:
    profile = profile_of_elements(60_000)
    data = saved(colours.patches(), "JPEG", icc_profile=profile, quality=95)

    began = time.process_time()
    picture = read(data)
    thumbnail = thumbnail_of(picture)

    assert time.process_time() - began < 0.5
    assert [opened(one).info.get("icc_profile") for one in (picture, thumbnail)] == [None, None]
