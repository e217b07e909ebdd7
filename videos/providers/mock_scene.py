"""Draws the frames and the sound of the mock provider's videos with Pillow, a frame at a time.

Imports no Django, so that the encoder's process starts fast.
"""

import bisect
import math
import random
import re
import unicodedata
from array import array
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypedDict

import av
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter
from PIL import Image, ImageDraw, ImageFont, ImageOps

from studio.media import decode_budget

FPS = 24
SAMPLE_RATE = 48_000  # Hz

SHOWN_CHARACTERS = 700  # more than fits at the smallest size; the JSON line stays below a pipe's 64 KiB
_TITLE_AT_SECONDS, _FADE_SECONDS = 0.5, 0.4  # a first frame is shown alone before the title fades in
_ZOOM = 0.12  # share of the first frame's sides that the zoom has cut off at the end
_BLACK, _WHITE, _GREY = 16, 235, 128  # ends of the luma range of video; chroma without colour
_SHADES = (  # shadow, cloth, light
    ((22, 12, 18), (142, 72, 84), (255, 226, 214)),
    ((10, 16, 30), (58, 84, 128), (226, 232, 244)),
    ((12, 20, 18), (58, 100, 86), (236, 240, 214)),
    ((26, 18, 12), (168, 126, 88), (255, 242, 220)),
    ((20, 12, 28), (112, 84, 140), (246, 226, 244)),
    ((16, 16, 18), (104, 100, 100), (246, 240, 232)),
)

Size = tuple[int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
# Y, U and V of yuv420p, the encoder's own format: half the bytes of RGB, and nothing to convert in each frame.
Planes = tuple[Image.Image, ...]
Scene = Callable[[float], Planes]


class Clip(TypedDict):
    """What to render, and where. Width and height are even; the seed selects the colours and the chord."""

    destination: Path
    width: int
    height: int
    duration_seconds: int
    generate_audio: bool
    prompt: str
    first_frame: Path | None
    seed: str


class _Stencil(NamedTuple):
    """A grey shape: its position, its brightness, and its opacity at each pixel of luma and of chroma."""

    at: tuple[int, int]
    luma: int
    mask: Image.Image
    coarse_mask: Image.Image


def frames(clip: Clip) -> Iterator[av.VideoFrame]:
    """The frames of the clip in order, as yuv420p."""
    size = (clip["width"], clip["height"])
    scene = _photo(clip["first_frame"], size) if clip["first_frame"] else _silk(clip["seed"], size)
    stencils = _stencils(clip["prompt"], size, share=0.25 if clip["first_frame"] else 0.45)
    count = FPS * clip["duration_seconds"]
    for number in range(count):
        planes = scene(number / count)
        opacity = (number / FPS - _TITLE_AT_SECONDS) / _FADE_SECONDS if clip["first_frame"] else 1
        if opacity > 0:
            for stencil in (*stencils, _progress_bar(size, (number + 1) / count, 235)):
                _apply(stencil, planes, min(opacity, 1))
        frame = av.VideoFrame(*size, "yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        for plane, image in zip(frame.planes, planes, strict=True):
            plane.update(image.crop((0, 0, plane.line_size, plane.height)).tobytes())  # rows are padded
        yield frame


def _apply(stencil: _Stencil, planes: Planes, opacity: float) -> None:
    fine, coarse = stencil.mask, stencil.coarse_mask
    if opacity < 1:
        fine, coarse = (mask.point([round(alpha * opacity) for alpha in range(256)]) for mask in (fine, coarse))
    x, y = stencil.at
    planes[0].paste(stencil.luma, (x, y), fine)
    for chroma in planes[1:]:
        chroma.paste(_GREY, (x // 2, y // 2), coarse)


def _planes(image: Image.Image, size: Size, scaler: VideoReformatter) -> Planes:
    frame = av.VideoFrame.from_bytes(image.convert("RGBA").tobytes(), *image.size, "rgba")
    scaled = scaler.reformat(
        frame, *size, "yuv420p", dst_colorspace=Colorspace.ITU709, interpolation=Interpolation.BICUBIC
    )
    return tuple(
        Image.frombytes("L", (plane.width, plane.height), bytes(plane), "raw", "L", plane.line_size)
        for plane in scaled.planes
    )


def _photo(path: Path, size: Size) -> Scene:
    cover = Image.new("RGBA", size, "white")
    with Image.open(path) as image, decode_budget.reserve(image.width * image.height):
        image.draft("RGB", (2 * max(size), 2 * max(size)))  # a large JPEG needn't be decoded in full
        ImageOps.exif_transpose(image, in_place=True)
        cover.alpha_composite(ImageOps.fit(image.convert("RGBA"), size))
    planes = _planes(cover, size, VideoReformatter())

    def scene(progress: float) -> Planes:
        return tuple(_cut(plane, plane.size, (0.5, 0.5), 1 - _ZOOM * progress) for plane in planes)

    return scene


def _silk(seed: str, size: Size) -> Scene:
    # Without sharp edges, it can be drawn small and scaled up by libswscale, at a sixth of the cost.
    chance = random.Random(seed)  # noqa: S311 - colours, not secrets
    shadow, cloth, light = chance.choice(_SHADES)
    small = (320 * size[0] // max(size), 320 * size[1] // max(size))
    near, far = _folds(chance, chance.uniform(26, 34), 2.2), _folds(chance, chance.uniform(12, 18), 1.6)
    scaler = VideoReformatter()  # shared, because it caches its tables

    def scene(progress: float) -> Planes:
        front = _cut(near, small, (0.1 + 0.5 * progress, 0.2 + 0.3 * progress), 0.6)
        back = _cut(far, small, (0.9 - 0.4 * progress, 0.7 - 0.4 * progress), 0.5)
        folds = Image.blend(front, back, 0.5)
        return _planes(ImageOps.colorize(folds, shadow, light, mid=cloth), size, scaler)

    return scene


def _folds(chance: random.Random, density: float, sharpness: float) -> Image.Image:
    side, angle = 128, chance.uniform(0.5, 1.1)
    across, down = density * math.cos(angle), density * math.sin(angle)
    shift_1, shift_2, shift_3 = (chance.uniform(0, math.tau) for _ in range(3))
    pixels = bytearray()
    for y in (row / side for row in range(side)):
        for x in (column / side for column in range(side)):
            bend = 2.4 * math.sin(2.3 * x - 1.7 * y + shift_1) + 1.3 * math.sin(4.1 * y + 1.9 * x + shift_2)
            pixels.append(int(255 * (0.5 + 0.5 * math.sin(across * x + down * y + bend + shift_3)) ** sharpness))
    return Image.frombytes("L", (side, side), bytes(pixels)).resize((1024, 1024), Image.Resampling.BICUBIC)


def _cut(image: Image.Image, size: Size, centre: tuple[float, float], share: float) -> Image.Image:
    """The largest crop of that shape, times `share`, scaled to size; the position isn't rounded, so it moves evenly."""
    scale = share * min(image.width / size[0], image.height / size[1])
    width, height = size[0] * scale, size[1] * scale
    left, top = (image.width - width) * centre[0], (image.height - height) * centre[1]
    return image.resize(size, Image.Resampling.BILINEAR, (left, top, left + width, top + height))


def _stencils(prompt: str, size: Size, share: float) -> list[_Stencil]:
    """The prompt on a dark veil, the track of the progress bar, and the label. `share` of the height is for text."""
    width, height = size
    unit = _unit(size)
    font, lines = _typeset(_drawable(prompt), (min(width - 12 * unit, 1.3 * height), share * height), unit)
    text_height = len(lines) * _leading(font)
    strip = (width, min(height, _even(text_height + 26 * unit)))
    dusk = [round(85 - 85 * math.cos(math.pi * min(1, row / 120))) for row in range(256)]
    veil = Image.linear_gradient("L").point(dusk).resize(strip)
    text = Image.new("L", strip)
    for number, line in enumerate(lines):
        place = (6 * unit, strip[1] - 10 * unit - text_height + number * _leading(font))
        ImageDraw.Draw(text).text(place, line, fill=255, font=font)
    at = (0, height - strip[1])
    return [_stencil(at, _BLACK, veil), _stencil(at, _WHITE, text), _progress_bar(size, 1, 80), *_label(unit)]


def _stencil(at: tuple[int, int], luma: int, mask: Image.Image) -> _Stencil:
    """Crop the transparent border. All numbers stay even, because a pixel of chroma covers two by two."""
    left, top, right, bottom = mask.getbbox() or (0, 0, 2, 2)
    left, top = left // 2 * 2, top // 2 * 2
    shape = mask.crop((left, top, right + right % 2, bottom + bottom % 2))
    return _Stencil((at[0] + left, at[1] + top), luma, shape, shape.reduce(2))


def _label(unit: float) -> list[_Stencil]:
    at, box = (_even(6 * unit), _even(6 * unit)), (_even(14 * unit), _even(5 * unit))
    ink = Image.new("L", box)
    draw = ImageDraw.Draw(ink)
    draw.rectangle((0, 0, box[0] - 1, box[1] - 1), outline=200, width=max(1, round(unit / 5)))
    font = ImageFont.load_default(size=2.6 * unit)
    draw.text((box[0] / 2, box[1] / 2), "M O C K", fill=255, font=font, anchor="mm")
    return [_stencil(at, _BLACK, Image.new("L", box, 110)), _stencil(at, _WHITE, ink)]


def _progress_bar(size: Size, progress: float, alpha: int) -> _Stencil:
    unit = _unit(size)
    length = max(2, _even((size[0] - 12 * unit) * progress))
    mask = Image.new("L", (length, max(2, _even(0.35 * unit))), alpha)
    return _stencil((_even(6 * unit), size[1] - _even(6 * unit)), _WHITE, mask)


def _unit(size: Size) -> float:
    return min(size) / 100


def _even(pixels: float) -> int:
    return round(pixels / 2) * 2


def _leading(font: Font) -> float:
    return 1.25 * font.size if isinstance(font, ImageFont.FreeTypeFont) else 16


def _drawable(prompt: str) -> str:
    # Pillow's own font has ASCII and a few quotes only: accents are dropped, other scripts become dots.
    letters = unicodedata.normalize("NFKD", " ".join(prompt[:SHOWN_CHARACTERS].split()))
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    drawn = re.sub(r"[^ -~\u2018\u2019\u201c\u201d\u00ab\u00bb]+", "·", bare)
    return drawn + "…" if len(prompt) > SHOWN_CHARACTERS else drawn


def _typeset(text: str, room: tuple[float, float], unit: float) -> tuple[Font, list[str]]:
    """The largest font in which the text fits into the room, and its lines; in the smallest one the text is cut."""
    for size in (5.4, 4.6, 3.9, 3.3):
        font = ImageFont.load_default(size=size * unit)
        fitting = max(1, int(room[1] / _leading(font)))
        lines = list(islice(_wrapped(text, font, room[0]), fitting + 1))
        if len(lines) <= fitting:
            return font, lines
    last = lines[fitting - 1] + "…"
    while font.getlength(last) > room[0]:
        last = last[:-2] + "…"
    return font, [*lines[: fitting - 1], last]


def _wrapped(text: str, font: Font, width: float) -> Iterator[str]:
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if font.getlength(longer) <= width:
            line = longer
            continue
        if line:
            yield line
        line = word
        while font.getlength(line) > width:
            cut = _fitting(line, font, width)
            yield line[:cut]
            line = line[cut:]
    if line:
        yield line


def _fitting(word: str, font: Font, width: float) -> int:
    """How many letters of the word fit; at least one."""
    return max(1, bisect.bisect_right(range(1, len(word)), width, key=lambda end: font.getlength(word[:end])))


def chord(seed: str, seconds: int) -> Iterator[av.AudioFrame]:
    """The sound of the clip, a second at a time."""
    root = random.Random(seed).choice((110, 123, 131, 147))  # noqa: S311 - hertz, not secrets
    # Whole hertz make every second the same; one hertz more on the right beats gently against the left.
    pitches = (root, round(root * 5 / 4), round(root * 3 / 2), root * 2)
    channels = [_tone([pitch + detuned for pitch in pitches]) for detuned in (0, 1)]
    for second in range(seconds):
        frame = av.AudioFrame("fltp", "stereo", SAMPLE_RATE, align=1)
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, second * SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
        for plane, samples in zip(frame.planes, channels, strict=True):
            plane.update(_faded(samples, second == 0, second == seconds - 1).tobytes())
        yield frame


def _tone(pitches: list[int]) -> "array[float]":
    turns = [math.tau * pitch / SAMPLE_RATE for pitch in pitches]
    return array("f", (0.06 * sum(math.sin(turn * n) for turn in turns) for n in range(SAMPLE_RATE)))


def _faded(samples: "array[float]", fades_in: bool, fades_out: bool) -> "array[float]":
    last = len(samples) - 1
    if fades_in:
        samples = array("f", (sample * n / last for n, sample in enumerate(samples)))
    if fades_out:
        samples = array("f", (sample * (last - n) / last for n, sample in enumerate(samples)))
    return samples
