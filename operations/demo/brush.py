"""Soft drawing on a page: curves, swelling strokes, and shapes with a shaded side.

Everything is measured in hundredths of the page's height; x counts from the middle, y from the top.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageFilter

SIZE = (1080, 1440)  # pixels
UNIT = SIZE[1] / 100
_FINE = 2  # shapes are drawn so much larger, for smooth edges

Point = tuple[float, float]
Colour = tuple[int, int, int]
Pen = ImageDraw.ImageDraw
Sketch = Callable[[Pen], None]


def _smooth(points: Sequence[Point]) -> list[Point]:
    """A Catmull-Rom curve through the points; one given twice is a corner."""
    curve: list[Point] = []
    run: list[Point] = []
    for point in points:
        if run and point == run[-1]:
            curve += _curved(run)
            run = []
        run.append(point)
    return curve + _curved(run)


def _curved(run: list[Point]) -> list[Point]:
    padded = [run[0], *run, run[-1]]
    curve = []
    for around in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        xs, ys = zip(*around, strict=True)
        curve += [(_spline(step / 12, *xs), _spline(step / 12, *ys)) for step in range(12)]
    return [*curve, run[-1]]


def _spline(t: float, a: float, b: float, c: float, d: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


def px(x: float, y: float) -> Point:
    """Where a point is on the enlarged page, in pixels."""
    return (SIZE[0] / 2 + x * UNIT) * _FINE, y * UNIT * _FINE


def fill(pen: Pen, outline: Sequence[Point]) -> None:
    """A shape with a curved outline; a point given twice is a corner."""
    pen.polygon([px(*point) for point in _smooth([*outline, outline[0]])], fill=255)


def dot(pen: Pen, at: Point, radii: Point) -> None:
    """An ellipse."""
    pen.ellipse((px(at[0] - radii[0], at[1] - radii[1]), px(at[0] + radii[0], at[1] + radii[1])), fill=255)


def limb(pen: Pen, path: Sequence[Point], widths: Sequence[float]) -> None:
    """A stroke that swells and tapers through the widths."""
    places = [
        (x0 + (x1 - x0) * step / 6, y0 + (y1 - y0) * step / 6)
        for (x0, y0), (x1, y1) in pairwise(_smooth(path))
        for step in range(6)
    ]
    for number, place in enumerate(places):
        part, rest = divmod(number / len(places) * (len(widths) - 1), 1)
        width = widths[int(part)] * (1 - rest) + widths[int(part) + 1] * rest
        dot(pen, place, (width, width))


def mask_of(sketch: Sketch) -> Image.Image:
    """What the sketch covers, with smooth edges."""
    canvas = Image.new("L", (SIZE[0] * _FINE, SIZE[1] * _FINE))
    sketch(ImageDraw.Draw(canvas))
    return canvas.reduce(_FINE)


def veiled(mask: Image.Image, opacity: float) -> Image.Image:
    """The mask, less opaque."""
    return mask.point([round(value * opacity) for value in range(256)])


def toned(colour: str, factor: float) -> Colour:
    """Darker below 1, nearer to white above."""
    red, green, blue = (
        round(value * factor if factor <= 1 else value + (255 - value) * (factor - 1))
        for value in ImageColor.getrgb(colour)[:3]
    )
    return red, green, blue


def paint(picture: Image.Image, sketch: Sketch, colour: str) -> Image.Image:
    """Fill the sketch with a colour, darker towards its right edge and lighter towards its left one."""
    mask = mask_of(sketch)
    left, top, right, bottom = mask.getbbox() or (0, 0, 1, 1)
    margin = round(4 * UNIT)  # so that what is shifted out does not come back on the other side
    box = (left - margin, top - margin, right + margin, bottom + margin)
    part = mask.crop(box)
    soft = part.filter(ImageFilter.GaussianBlur(1.1 * UNIT))
    dark = ImageChops.subtract(part, ImageChops.offset(soft, -round(0.9 * UNIT), -round(0.3 * UNIT)))
    light = ImageChops.subtract(part, ImageChops.offset(soft, round(UNIT), round(0.4 * UNIT)))
    layer = Image.new("RGB", part.size, colour)
    layer.paste(toned(colour, 0.55), mask=veiled(dark, 0.62))
    layer.paste(toned(colour, 1.5), mask=veiled(light, 0.35))
    picture.paste(layer, box[:2], part)
    return mask


def line(pen: Pen, points: Sequence[Point], width: float, ink: int) -> None:
    """Straight from point to point."""
    pen.line([px(*point) for point in points], fill=ink, width=round(width * UNIT * _FINE))
