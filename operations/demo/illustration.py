"""Draws fashion pictures, for the looks of a demo account: figures in clothes of flat colour and soft folds."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from operations.demo.brush import (
    SIZE,
    UNIT,
    Pen,
    Point,
    Sketch,
    dot,
    fill,
    limb,
    line,
    mask_of,
    paint,
    px,
    toned,
    veiled,
)

# The figure is nine heads tall: head 14 to 22, shoulders 27, waist 41, hips 49, knees 68, soles 88.
_HALF_TORSO: Sequence[Point] = (
    (1.25, 21), (1.2, 24.2), (2.2, 25.9), (4.8, 26.7), (6.5, 27.5), (6.6, 29), (5.4, 34), (4.2, 41), (5.4, 46),
    (6.2, 50), (5.6, 54), (0, 54),
)  # fmt: skip
_LEGS = (((-2.9, 51), (-3.2, 66), (-3.1, 76), (-3.0, 85.5)), ((2.9, 51), (3.5, 66), (3.5, 76), (3.5, 85)))
_ARM: Sequence[Point] = ((5.9, 28.4), (8.6, 40), (8.2, 50), (9.0, 56.5))
_CAP: Sequence[Point] = (
    (-2.95, 18.6), (-3.05, 16), (-1.6, 13.9), (0.4, 13.6), (2.4, 14.4), (3.15, 16.4), (2.95, 18.8), (2.3, 16.9),
    (0.2, 15.7), (-2.0, 16.7),
)  # fmt: skip
_HAIRDOS: dict[str, Sequence[Sequence[Point]]] = {
    "bun": (
        _CAP,
        ((0.4, 14.6), (1.9, 14.1), (2.3, 12.4), (1.5, 11.1), (0.4, 10.8), (-0.8, 11.1), (-1.5, 12.4), (-1.1, 14.1)),
    ),
    "bob": (
        _CAP,
        ((2, 15.2), (3.2, 16), (3.7, 20), (3.4, 23.2), (3.4, 23.2), (2.1, 22.9), (2.1, 22.9), (2.45, 19.5)),
        ((-2, 15.2), (-3.2, 16), (-3.7, 20), (-3.4, 23.2), (-3.4, 23.2), (-2.1, 22.9), (-2.1, 22.9), (-2.45, 19.5)),
    ),
    "long": (
        _CAP,
        ((1.8, 15), (3.2, 16), (3.6, 21), (4.3, 27), (3.7, 33), (2.3, 36.5), (2.7, 30), (2.2, 25), (2.3, 20)),
        ((-1.8, 15), (-3.1, 16), (-3.3, 20), (-2.9, 24), (-2.1, 25.5), (-2.3, 20)),
    ),
    "crop": (
        ((-2.85, 18), (-3.1, 15.4), (-1.5, 13.5), (0.6, 13.2), (2.6, 14), (3.1, 16.2), (2.85, 18), (2.2, 16),
         (-0.6, 16.2), (-2.2, 16)),
    ),
    "hat": (
        ((-6.6, 15.9), (-3, 15), (0, 14.9), (3, 15), (6.6, 15.9), (3, 16.8), (0, 17), (-3, 16.8)),
        ((-3.1, 15.9), (-2.9, 13), (-1.8, 11.4), (0, 11.1), (1.8, 11.4), (2.9, 13), (3.1, 15.9), (3.1, 15.9)),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Garment:
    """A piece of cloth: the right half of its outline unless it is `whole`, and the fan in which its folds fall."""

    outline: Sequence[Point]
    colour: str
    whole: bool = False
    folds: int = 0
    fan: tuple[float, float, float, float] = (41, 3, 84, 12)  # y and half the width, where it begins and at the hem
    weave: str = ""  # stripes, pinstripes or checks; plain otherwise
    thread: str = "#ffffff"


@dataclass(frozen=True)
class Outfit:
    """All that a picture shows; what is worn inside comes first."""

    title: str
    caption: str
    sky: tuple[str, str]
    disc: str
    garments: Sequence[Garment]
    is_arch: bool = False
    skin: str = "#c98f6b"
    hair: str = "#2b1d18"
    hairdo: str = "bun"
    lips: str = "#9c3a34"
    shoes: str = "#2a2523"
    ink: str = "#2a2523"
    left_arm: Sequence[Point] = tuple((-x, y) for x, y in _ARM)
    right_arm: Sequence[Point] = _ARM


def draw(outfit: Outfit) -> Image.Image:
    """The picture; the same every time."""
    picture = _backdrop(outfit)
    paint(picture, _figure(outfit), outfit.skin)
    paint(picture, _shoes, outfit.shoes)
    for garment in outfit.garments:
        _dress(picture, garment)
    paint(picture, lambda pen: dot(pen, (0.1, 20.35), (0.62, 0.22)), outfit.lips)
    paint(picture, _hair(outfit), outfit.hair)
    pen = ImageDraw.Draw(picture)
    _letter(pen, "AI STUDIO", (5, 1.25, 0.8), outfit.ink)
    _letter(pen, outfit.title.upper(), (94.3, 2.5, 0.9), outfit.ink)
    _letter(pen, outfit.caption.upper(), (97.3, 1.15, 0.45), outfit.ink)
    return picture


def _dress(picture: Image.Image, garment: Garment) -> None:
    outline = [*garment.outline]
    if not garment.whole:
        outline += [(-x, y) for x, y in reversed(outline)]
    mask = paint(picture, lambda pen: fill(pen, outline), garment.colour)
    if garment.weave:
        threads = ImageChops.multiply(mask, mask_of(_WEAVES[garment.weave]))
        picture.paste(garment.thread, mask=veiled(threads, 0.75))
    for tone, opacity, shift in ((0.45, 0.42, 0.0), (1.6, 0.3, -0.45)):
        folds = mask_of(lambda pen, shift=shift: _fold(pen, garment, shift))  # type: ignore[misc]  # bound now, not later
        folds = ImageChops.multiply(folds.filter(ImageFilter.GaussianBlur(0.35 * UNIT)), mask)
        picture.paste(toned(garment.colour, tone), mask=veiled(folds, opacity))


def _fold(pen: Pen, garment: Garment, shift: float) -> None:
    chance = random.Random(garment.colour)  # noqa: S311 -- folds, not secrets
    top, narrow, hem, wide = garment.fan
    for number in range(garment.folds):
        place = (number + 0.5 + chance.uniform(-0.25, 0.25)) / garment.folds * 2 - 1
        begin, end = chance.uniform(0, 0.12), chance.uniform(0.9, 1.05)
        path = [
            (
                place * (narrow + (wide - narrow) * t**1.2) + shift + 0.35 * chance.uniform(-1, 1) * t,
                top + (hem - top) * t,
            )
            for t in (begin, (begin + end) / 2, end)
        ]
        limb(pen, path, (0.04, 0.16, 0.42))


def _stripes(pen: Pen) -> None:
    for y in range(20, 90, 3):
        line(pen, [(-30, y + 0.4), (0, y), (30, y + 0.4)], 1.05, 255)


def _pinstripes(pen: Pen) -> None:
    for x in range(-60, 61, 2):
        line(pen, [(x * 0.5, 20), (x * 0.56, 90)], 0.1, 170)


def _checks(pen: Pen) -> None:
    for x in range(-30, 31, 3):
        line(pen, [(x, 20), (x * 1.05, 90)], 0.55, 110)
        line(pen, [(x + 1, 20), (x * 1.05 + 1, 90)], 0.1, 160)
    for y in range(20, 90, 3):
        line(pen, [(-30, y), (30, y)], 0.55, 110)


_WEAVES: dict[str, Sketch] = {"stripes": _stripes, "pinstripes": _pinstripes, "checks": _checks}


def _figure(outfit: Outfit) -> Sketch:
    def sketch(pen: Pen) -> None:
        fill(pen, [*_HALF_TORSO, *[(-x, y) for x, y in reversed(_HALF_TORSO)]])
        for leg in _LEGS:
            limb(pen, leg, (2.9, 2.3, 1.75, 1.9, 1.0))
        for arm in (outfit.left_arm, outfit.right_arm):
            limb(pen, arm, (1.3, 1.2, 1.0, 0.85, 0.65, 0.8, 0.3))
        dot(pen, (0, 18.2), (2.75, 3.9))

    return sketch


def _hair(outfit: Outfit) -> Sketch:
    def sketch(pen: Pen) -> None:
        for lock in _HAIRDOS[outfit.hairdo]:
            fill(pen, lock)

    return sketch


def _shoes(pen: Pen) -> None:
    for x, y in ((-3.1, 85.6), (3.7, 85.1)):
        sole = [(-1.1, -0.6), (-1.3, 2.4), (0, 4), (1.2, 2.4), (1, -0.6), (0, 1)]
        fill(pen, [(x + dx, y + dy) for dx, dy in sole])


def _backdrop(outfit: Outfit) -> Image.Image:
    def disc(pen: Pen) -> None:
        dot(pen, (0, 31 if outfit.is_arch else 40), (23, 23) if outfit.is_arch else (25, 25))
        if outfit.is_arch:
            pen.rectangle((px(-23, 31), px(23, 88.6)), fill=255)

    high, low = (Image.new("RGB", SIZE, colour) for colour in outfit.sky)
    picture = Image.composite(low, high, Image.linear_gradient("L").resize(SIZE))
    picture.paste(outfit.disc, mask=mask_of(disc))
    shadow = mask_of(lambda pen: dot(pen, (3, 88.6), (15, 1.5))).filter(ImageFilter.GaussianBlur(1.2 * UNIT))
    picture.paste(toned(outfit.sky[1], 0.45), mask=veiled(shadow, 0.55))
    return picture


def _letter(pen: Pen, text: str, place: tuple[float, float, float], ink: str) -> None:
    """Spaced letters in the middle; the place is their y, their size, and the gap between them."""
    y, size, gap = (value * UNIT for value in place)
    font = ImageFont.load_default(size=size)
    widths = [font.getlength(letter) for letter in text]
    x = (SIZE[0] - sum(widths) - gap * (len(text) - 1)) / 2
    for letter, width in zip(text, widths, strict=True):
        pen.text((x, y), letter, fill=ink, font=font, anchor="lm")
        x += width + gap
