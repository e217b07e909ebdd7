"""The looks of a demo account: what they show, what they are made of, and where each piece is on the picture."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from PIL import Image

from looks.models import Visibility
from looks.use_cases import ProductFields
from operations.demo.brush import SIZE, UNIT, Point
from operations.demo.illustration import Garment, Outfit, draw
from studio.media.images import ImageFile, read_image

_SHOP = "https://shop.example.com/"


@dataclass(frozen=True)
class Piece:
    """A product, and the square of the picture that shows it: its middle and half its side."""

    name: str
    designer: str
    sku: str
    price: str
    shown_at: tuple[float, float, float]

    def fields(self, picture: Image.Image) -> ProductFields:
        """As `curation` takes it."""
        x, y, half = self.shown_at
        middle = (SIZE[0] / 2 + x * UNIT, y * UNIT)
        box = [round(value + side * half * UNIT) for side in (-1, 1) for value in middle]
        left, top, right, bottom = box
        return {
            "name": self.name,
            "designer": self.designer,
            "sku": self.sku,
            "price": Decimal(self.price),
            "currency": "EUR",
            "product_url": f"{_SHOP}{self.sku.lower()}",
            "thumbnail": as_picture(picture.crop((left, top, right, bottom))),
        }


@dataclass(frozen=True)
class DemoLook:
    """A look, ready to be made."""

    outfit: Outfit
    notes: str
    pieces: Sequence[Piece]
    visibility: Visibility = Visibility.PRIVATE


def drawn(look: DemoLook) -> tuple[ImageFile, list[ProductFields]]:
    """The look's picture, and its products with theirs."""
    picture = draw(look.outfit)
    return as_picture(picture), [piece.fields(picture) for piece in look.pieces]


def as_picture(image: Image.Image) -> ImageFile:
    """As if it had been uploaded."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=92)
    file.seek(0)
    return read_image(file)


def _left(arm: Sequence[Point]) -> Sequence[Point]:
    return [(-x, y) for x, y in arm]


_IN_WIDE_SLEEVES = ((5.9, 28.4), (9.2, 41), (9.5, 50), (9.7, 57))
_IN_KNIT_SLEEVES = ((5.9, 28.4), (7.7, 38), (8.7, 46), (9.4, 54.5))
_HAND_ON_HIP = ((-5.9, 28.4), (-11.2, 36.5), (-9.2, 40), (-5.2, 44))

# fmt: off
_STONE = Outfit(
    "Stone Essence", "Linen · Ash · Fog", ("#e9e4dc", "#cfc7bb"), "#b9b0a3",
    (
        Garment(((0, 28.6), (2.6, 28.9), (4.3, 26.9), (4.3, 26.9), (5.3, 27.1), (5.3, 27.1), (5.5, 31), (5.2, 35),
                 (4.3, 41), (6.4, 48), (9, 62), (12, 78), (13.6, 86), (13.6, 86), (7, 87.2), (0, 87.6)),
                "#8e8a83", folds=13, fan=(41, 3.6, 88, 12.5)),
        Garment(((0, 39.6), (4.6, 39.4), (4.6, 42.2), (0, 42.8)), "#5f5a54"),
    ),
)
_RAIN = Outfit(
    "City Rain", "Wool · Navy · Chalk", ("#d9e2ea", "#a9bccb"), "#f3f5f4",
    (
        Garment(((0, 44), (5.6, 44), (6.8, 50), (7.4, 66), (7.8, 86), (7.8, 86), (1, 86.6), (1, 86.6), (0.3, 58),
                 (0, 56)), "#27364f", folds=6, fan=(46, 5, 86, 6.5), weave="pinstripes", thread="#c9d4e2"),
        Garment(((0, 28.4), (2.3, 25.4), (3.2, 26), (3.6, 30), (2.2, 44), (0, 50)), "#f4f1ea"),
        Garment(((0.2, 44), (1.9, 35), (2.9, 28), (3.1, 25.4), (3.1, 25.4), (6.6, 26.6), (8.6, 28.6), (10.6, 40),
                 (10.9, 54.5), (10.9, 54.5), (8.3, 55.2), (8.3, 55.2), (8, 46), (7.2, 38), (7.2, 46), (8.3, 61),
                 (8.3, 61), (0.2, 62)),
                "#33445f", folds=5, fan=(40, 4, 62, 8), weave="pinstripes", thread="#c9d4e2"),
        Garment(((0.2, 44.4), (2.6, 35), (4.6, 31.6), (4.6, 31.6), (3.6, 30.6), (5.2, 29.4), (5.2, 29.4),
                 (3.2, 25.2), (2.6, 28), (1.6, 35)), "#2a3950"),
    ),
    is_arch=True, hairdo="bob", hair="#1c1a1c", skin="#e3b08f", ink="#22303f",
    left_arm=_left(_IN_WIDE_SLEEVES), right_arm=_IN_WIDE_SLEEVES,
)
_TERRACOTTA = Outfit(
    "Terracotta Evening", "Silk · Clay · Gold", ("#f3d9c4", "#dca384"), "#c5694a",
    (
        Garment(((0, 31), (2.4, 29.6), (3.4, 26.6), (3.4, 26.6), (3.8, 26.6), (3.8, 26.6), (5.2, 31), (5, 35),
                 (4.2, 41), (6.3, 49), (6.6, 58), (7.2, 70), (9, 83), (9, 83), (4, 85.4), (0, 86.2)),
                "#8f3f2a", folds=9, fan=(36, 3, 86, 8)),
        Garment(((-8.4, 30.4), (-6.4, 27), (-3.5, 28.4), (0, 33.5), (4, 36), (9, 35), (12.4, 37), (13.4, 50),
                 (12.2, 66), (12.2, 66), (8.6, 64.6), (8.6, 64.6), (9.6, 52), (8.6, 42), (4, 40.6), (-2, 38),
                 (-6.5, 33)), "#d99a4e", whole=True, folds=4, fan=(34, 7, 66, 11)),
    ),
    hairdo="long", hair="#17110f", skin="#7a4b33", lips="#b5443a", shoes="#5e2a1c", ink="#5a2417",
    left_arm=_HAND_ON_HIP,
)
_HARBOUR = Outfit(
    "Harbour Stripe", "Cotton · Salt · Ink", ("#f6f1e4", "#bcd0d6"), "#e7b95c",
    (
        Garment(((0, 44), (5.4, 44), (6.9, 51), (8.6, 68), (10.4, 85.6), (10.4, 85.6), (1.2, 86.4), (1.2, 86.4),
                 (0.4, 62), (0, 58)), "#f2ece0", folds=9, fan=(46, 4.5, 88, 9.5)),
        Garment(((0, 27.6), (2.4, 26.6), (4.2, 25.9), (4.2, 25.9), (7.2, 27.4), (8.8, 33), (10, 40.4), (10, 40.4),
                 (7.4, 41.2), (7.4, 41.2), (6.5, 35), (5.8, 40), (5.9, 47.4), (5.9, 47.4), (0, 48)),
                "#f7f3ea", folds=4, fan=(36, 3, 48, 5), weave="stripes", thread="#233a5e"),
    ),
    hairdo="hat", hair="#b98d4f", skin="#d9a37e", shoes="#8a5a35", ink="#233a5e",
)
_MOSS = Outfit(
    "Moss & Ivory", "Merino · Pleats · Moss", ("#e8ebdd", "#b9c2a2"), "#f6f3e6",
    (
        Garment(((0, 42), (4.6, 42), (4.6, 42), (7, 52), (10, 64), (12.6, 74), (12.6, 74), (6.5, 75.2), (0, 75.6)),
                "#5f6f4a", folds=17, fan=(42, 3.9, 76, 12), weave="checks", thread="#dfe2c4"),
        Garment(((0, 25.4), (1.9, 22.9), (1.9, 22.9), (2.4, 25), (5.6, 26.2), (7.4, 28), (9, 36), (10.2, 50),
                 (10.2, 50), (7.9, 50.8), (7.9, 50.8), (7.2, 42), (6.4, 35.5), (5.2, 39), (4.9, 43.4), (4.9, 43.4),
                 (0, 44)), "#ece5d0", folds=5, fan=(30, 3, 44, 4.4)),
        Garment(((0, 42.3), (4.8, 42), (4.8, 44.1), (0, 44.5)), "#7c5334"),
    ),
    is_arch=True, hair="#8a4b2a", skin="#ecc3a6", shoes="#6d4428", ink="#39452b",
    left_arm=_left(_IN_KNIT_SLEEVES), right_arm=_IN_KNIT_SLEEVES,
)
_MIDNIGHT = Outfit(
    "Midnight Wool", "Cashmere · Noir · Moon", ("#3a4258", "#141824"), "#e9e2cf",
    (
        Garment(((0, 46), (5, 46), (5.6, 60), (5.4, 86), (5.4, 86), (0.9, 86.4), (0.9, 86.4), (0.3, 58), (0, 57)),
                "#1a1c22"),
        Garment(((0, 25), (1.8, 22.6), (1.8, 22.6), (2.6, 26), (3.8, 34), (4, 46), (4, 52), (0, 52)), "#23252d"),
        Garment(((0.1, 70), (0.9, 44), (2.2, 32), (2.6, 25), (3, 23.8), (5, 25.4), (8.4, 27.8), (11.6, 37), (13, 49),
                 (12.4, 54), (12.4, 54), (9.6, 54.6), (10.4, 62), (9.4, 74), (9.4, 74), (4, 75.4), (0.1, 75.6)),
                "#4b5570", folds=8, fan=(34, 5, 76, 9)),
        Garment(((0.1, 46), (2, 36.5), (5.2, 33), (5.2, 33), (4, 31.4), (6, 29.4), (6, 29.4), (3.2, 23.6), (2.4, 26),
                 (1.2, 35)), "#3a4359"),
    ),
    hairdo="crop", hair="#d8c9a8", skin="#5c3a2a", lips="#7d2f36", shoes="#0d0e12", ink="#e9e2cf",
)
# fmt: on

LOOKS = (
    DemoLook(
        _STONE,
        "Washed linen in three greys. For the spring campaign: slow movement, wind from the left.",
        (
            Piece("Washed linen gown", "Maison Ash", "ASH-1101", "420.00", (0, 62, 21)),
            Piece("Folded sash", "Maison Ash", "ASH-1142", "95.00", (0, 41, 7)),
            Piece("Grey suede pumps", "Nordlys", "NOR-207", "210.00", (0, 85.5, 6)),
        ),
        Visibility.PUBLIC,
    ),
    DemoLook(
        _RAIN,
        "Chalk-stripe suit, worn long. Shoot it walking, on wet pavement.",
        (
            Piece("Chalk-stripe long blazer", "Atelier Kern", "KRN-0310", "690.00", (0, 43, 19)),
            Piece("Chalk-stripe trousers", "Atelier Kern", "KRN-0311", "340.00", (0, 72, 15)),
            Piece("Silk T-shirt, chalk", "Plain & Co.", "PLN-88", "120.00", (0, 32, 7)),
        ),
    ),
    DemoLook(
        _TERRACOTTA,
        "Bias-cut slip dress with a hand-dyed shawl. Golden hour; let the shawl fly.",
        (
            Piece("Bias-cut silk slip dress", "Sol y Barro", "SYB-52", "560.00", (0, 62, 20)),
            Piece("Hand-dyed shawl, ochre", "Sol y Barro", "SYB-77", "180.00", (3, 44, 15)),
        ),
        Visibility.PUBLIC,
    ),
    DemoLook(
        _HARBOUR,
        "Breton top and sailcloth trousers. Bright noon light, gulls welcome.",
        (
            Piece("Breton top", "Quai 9", "Q9-1858", "89.00", (0, 37, 12)),
            Piece("Sailcloth wide trousers", "Quai 9", "Q9-2004", "149.00", (0, 67, 19)),
            Piece("Straw hat", "Paille", "PAI-3", "75.00", (0, 15.5, 7)),
            Piece("Leather mules", "Nordlys", "NOR-311", "160.00", (0, 85.5, 6)),
        ),
    ),
    DemoLook(
        _MOSS,
        "Merino roll-neck and a pleated check skirt. Turn once, so that the pleats open.",
        (
            Piece("Merino roll-neck, ivory", "Fjell", "FJL-640", "165.00", (0, 36, 14)),
            Piece("Pleated check skirt", "Fjell", "FJL-655", "240.00", (0, 60, 17)),
            Piece("Saddle leather belt", "Hand & Hide", "HH-12", "85.00", (0, 43.3, 6)),
        ),
    ),
    DemoLook(
        _MIDNIGHT,
        "Cocoon coat in double cashmere, over black. Moonlight, no smile.",
        (
            Piece("Cocoon coat, double cashmere", "Noctis", "NOC-1", "1890.00", (0, 49, 27)),
            Piece("Fine-knit top, black", "Noctis", "NOC-14", "260.00", (0, 32, 7)),
        ),
    ),
)
