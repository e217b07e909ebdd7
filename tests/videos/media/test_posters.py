"""Posters have the colours, the shape and the orientation of a player."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from tests.videos.media import clips
from tests.videos.media.clips import Clip
from videos.media import mp4, posters

pytestmark = pytest.mark.slow
COLOURS = ((228, 29, 39), (29, 179, 58), (40, 58, 219), (228, 198, 37), (128, 128, 128), (250, 250, 250))
HD, SD = (1280, 720), (640, 360)
PQ, HLG, BT2020 = 16, 18, 9
Colour = tuple[float, float, float]


def lab(colour: Sequence[float]) -> Colour:
    """CIE L*a*b* of an sRGB colour, by IEC 61966-2-1 and CIE 15."""
    linear = [
        value / 255 / 12.92 if value / 255 <= 0.04045 else ((value / 255 + 0.055) / 1.055) ** 2.4 for value in colour
    ]
    rows = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    white = (0.9505, 1.0, 1.089)
    x, y, z = (
        (ratio ** (1 / 3) if ratio > 216 / 24389 else (24389 / 27 * ratio + 16) / 116)
        for ratio in (
            sum(weight * value for weight, value in zip(row, linear, strict=True)) / most
            for row, most in zip(rows, white, strict=True)
        )
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def delta_e(one: Sequence[float], other: Sequence[float]) -> float:
    """How different two sRGB colours look (CIE 1976)."""
    pairs = zip(lab(one), lab(other), strict=True)
    return float(sum((left - right) ** 2 for left, right in pairs) ** 0.5)


def poster(path: Path) -> Image.Image:
    destination = path.with_suffix(".jpg")
    mp4.write_poster(path=path, destination=destination)
    with Image.open(destination) as file:
        return file.convert("RGB")


def poster_of(tmp_path: Path, **clip: Any) -> Image.Image:
    return poster(clips.write(tmp_path / "clip.mp4", Clip(seconds=0.5, sound=False, **clip)))


def seen(picture: Image.Image, count: int) -> list[Colour]:
    """The colour in the middle of each bar."""
    width = picture.width / count
    colours: list[Any] = [picture.getpixel((int((bar + 0.5) * width), picture.height // 2)) for bar in range(count)]
    return colours


@pytest.mark.parametrize(
    ("size", "matrix", "tags"),
    [
        pytest.param(HD, "ITU709", None, id="HD without tags is BT.709"),
        pytest.param((720, 1280), "ITU709", None, id="upright HD without tags is BT.709"),
        pytest.param(SD, "ITU601", None, id="SD without tags is BT.601"),
        pytest.param(HD, "ITU601", (6, 6, 6, 1), id="HD that says BT.601"),
        pytest.param(SD, "ITU709", (1, 1, 1, 1), id="SD that says BT.709"),
    ],
)
def test_colours_are_those_of_the_source(tmp_path: Path, size: tuple[int, int], matrix: str, tags: Any) -> None:
    picture = poster_of(tmp_path, pictures=[clips.bars(COLOURS, size)], matrix=matrix, tags=tags)

    differences = [delta_e(*pair) for pair in zip(seen(picture, len(COLOURS)), COLOURS, strict=True)]
    assert max(differences) <= 3, differences


def test_full_range_is_honoured(tmp_path: Path) -> None:
    picture = poster_of(
        tmp_path, pictures=[clips.bars(COLOURS, HD)], matrix="ITU709", tags=(1, 1, 1, 2), pix_fmt="yuvj420p"
    )

    differences = [delta_e(*pair) for pair in zip(seen(picture, len(COLOURS)), COLOURS, strict=True)]
    assert max(differences) <= 3, differences


def pq_code(nits: float) -> int:
    """The 8-bit code of a luminance, by SMPTE ST 2084."""
    power = (nits / 10_000) ** 0.1593017578125
    return round(255 * ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)


@pytest.mark.parametrize(("transfer", "codes"), [
    (PQ, [pq_code(nits) for nits in (0.01, 10, 50, 203, 1000, 4000)]),
    (HLG, [0, 64, 110, 191, 220, 250]),
])  # fmt: skip
def test_bright_video_is_mapped_to_a_usual_screen(tmp_path: Path, transfer: int, codes: list[int]) -> None:
    greys = [(code, code, code) for code in codes]

    picture = poster_of(
        tmp_path,
        codec="hvc1",
        pix_fmt="yuv420p10le",
        pictures=[clips.bars(greys, HD)],
        matrix="ITU709",
        tags=(BT2020, transfer, BT2020, 1),
    )

    colours = seen(picture, len(greys))
    brightness = [lab(colour)[0] for colour in colours]
    assert max(max(colour) - min(colour) for colour in colours) <= 4  # grey stays grey
    assert brightness[0] <= 5
    assert brightness[3] >= 55  # the white of a page, which is half as bright in PQ's codes
    assert all(bright - dark >= 5 for dark, bright in pairwise(brightness))  # nothing clipped


def test_wide_colours_are_converted(tmp_path: Path) -> None:
    wide = (200, 90, 60)  # in BT.2020; more colourful in BT.709's numbers

    picture = poster_of(
        tmp_path, pictures=[clips.bars([wide], HD)], matrix="ITU709", tags=(BT2020, 14, 1, 1), pix_fmt="yuv420p10le"
    )

    red, green, blue = seen(picture, 1)[0]
    assert (red > wide[0] + 10, green < wide[1] - 3, blue < wide[2]) == (True, True, True)


MARK, BACK = (230, 30, 40), (40, 60, 220)


def marked() -> Image.Image:
    """A picture with a mark in its upper left quarter."""
    picture = Image.new("RGB", SD, BACK)
    picture.paste(MARK, (0, 0, SD[0] // 2, SD[1] // 2))
    return picture


def corner_of_mark(picture: Image.Image) -> str:
    """Where the mark is now."""
    corners = {
        f"{vertical} {horizontal}": picture.getpixel((round(x * picture.width), round(y * picture.height)))
        for vertical, y in (("upper", 0.25), ("lower", 0.75))
        for horizontal, x in (("left", 0.25), ("right", 0.75))
    }
    return min(corners, key=lambda corner: delta_e(corners[corner], MARK))  # type: ignore[arg-type]  # of RGB: a tuple


@pytest.mark.parametrize(
    ("rotation", "corner", "size"),
    [(0, "upper left", SD), (90, "lower left", SD[::-1]), (180, "lower right", SD), (-90, "upper right", SD[::-1])],
)
def test_rotated_video_has_an_upright_poster(tmp_path: Path, rotation: int, corner: str, size: tuple[int, int]) -> None:
    """The display matrix turns counter-clockwise by the angle, as FFmpeg's `display_rotation` does."""
    picture = poster_of(tmp_path, pictures=[marked()], rotation=rotation)

    assert (corner_of_mark(picture), picture.size) == (corner, size)


def test_mirrored_video_has_a_mirrored_poster(tmp_path: Path) -> None:
    path = clips.flipped(clips.write(tmp_path / "clip.mp4", Clip(seconds=0.5, sound=False, pictures=[marked()])))

    assert corner_of_mark(poster(path)) == "upper right"


@pytest.mark.parametrize(
    ("pixel_ratio", "size"), [(Fraction(4, 3), (853, 360)), (Fraction(3, 4), (480, 360)), (Fraction(4, 1), (1280, 180))]
)
def test_poster_has_square_pixels(tmp_path: Path, pixel_ratio: Fraction, size: tuple[int, int]) -> None:
    picture = poster_of(tmp_path, pictures=[marked()], pixel_ratio=pixel_ratio)

    assert picture.size == size


@pytest.mark.parametrize(
    "tags",
    [
        pytest.param((2, 2, 8, 1), id="YCgCo"),
        pytest.param((9, 14, 10, 1), id="BT.2020, constant luminance"),
        pytest.param((9, 16, 14, 1), id="ICtCp"),
        pytest.param((3, 16, 9, 1), id="reserved primaries"),
        pytest.param((9, 3, 9, 1), id="reserved transfer"),
        pytest.param((200, 200, 200, 1), id="numbers of nothing"),
    ],
)
def test_odd_tags_cost_no_video_its_poster(tmp_path: Path, tags: tuple[int, int, int, int]) -> None:
    frame = av.VideoFrame.from_image(clips.bars(COLOURS[:5], SD)).reformat(format="yuv420p")
    frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range = tags

    posters.save(frame=frame, pixel_ratio=None, destination=tmp_path / "poster.jpg")

    with Image.open(tmp_path / "poster.jpg") as poster:
        assert (poster.size, poster.getbbox()) == (SD, (0, 0, *SD))
