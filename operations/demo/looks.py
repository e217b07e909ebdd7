"""The looks of a demo account. The pictures beside this file are ours: a program drew them for this purpose."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from PIL import Image

from looks.models import Visibility
from looks.use_cases import ProductFields
from studio.media.images import ImageFile, read_image

_PICTURES = Path(__file__).parent
_SHOP = "https://shop.example.com/"


@dataclass(frozen=True)
class Piece:
    """A product, and the part of the look's picture that shows it: left, top, right and bottom, in pixels."""

    name: str
    designer: str
    sku: str
    price: str
    box: tuple[int, int, int, int]

    def fields(self, picture: Image.Image) -> ProductFields:
        """The product with its thumbnail."""
        file = io.BytesIO()
        picture.crop(self.box).save(file, "JPEG", quality=92)
        file.seek(0)
        return {
            "name": self.name,
            "designer": self.designer,
            "sku": self.sku,
            "price": Decimal(self.price),
            "currency": "EUR",
            "product_url": f"{_SHOP}{self.sku.lower()}",
            "thumbnail": read_image(file),
        }


@dataclass(frozen=True)
class DemoLook:
    """A look, ready to be created."""

    title: str
    file_name: str
    notes: str
    pieces: Sequence[Piece]
    visibility: Visibility = Visibility.PRIVATE

    def read(self) -> tuple[ImageFile, list[ProductFields]]:
        """Return the look's picture, and its products with theirs."""
        path = _PICTURES / self.file_name
        with path.open("rb") as file, Image.open(path) as picture:
            return read_image(file), [piece.fields(picture) for piece in self.pieces]


LOOKS = (
    DemoLook(
        "Stone Essence",
        "stone-essence.jpg",
        "Washed linen in three greys. For the spring campaign: slow movement, wind from the left.",
        (
            Piece("Washed linen gown", "Maison Ash", "ASH-1101", "420.00", (238, 590, 842, 1195)),
            Piece("Folded sash", "Maison Ash", "ASH-1142", "95.00", (439, 490, 641, 691)),
            Piece("Grey suede pumps", "Nordlys", "NOR-207", "210.00", (454, 1145, 626, 1318)),
        ),
        Visibility.PUBLIC,
    ),
    DemoLook(
        "City Rain",
        "city-rain.jpg",
        "Chalk-stripe suit, worn long. Shoot it walking, on wet pavement.",
        (
            Piece("Chalk-stripe long blazer", "Atelier Kern", "KRN-0310", "690.00", (266, 346, 814, 893)),
            Piece("Chalk-stripe trousers", "Atelier Kern", "KRN-0311", "340.00", (324, 821, 756, 1253)),
            Piece("Silk T-shirt, chalk", "Plain & Co.", "PLN-88", "120.00", (439, 360, 641, 562)),
        ),
    ),
    DemoLook(
        "Terracotta Evening",
        "terracotta-evening.jpg",
        "Bias-cut slip dress with a hand-dyed shawl. Golden hour; let the shawl fly.",
        (
            Piece("Bias-cut silk slip dress", "Sol y Barro", "SYB-52", "560.00", (252, 605, 828, 1181)),
            Piece("Hand-dyed shawl, ochre", "Sol y Barro", "SYB-77", "180.00", (367, 418, 799, 850)),
        ),
        Visibility.PUBLIC,
    ),
    DemoLook(
        "Harbour Stripe",
        "harbour-stripe.jpg",
        "Breton top and sailcloth trousers. Bright noon light, gulls welcome.",
        (
            Piece("Breton top", "Quai 9", "Q9-1858", "89.00", (367, 360, 713, 706)),
            Piece("Sailcloth wide trousers", "Quai 9", "Q9-2004", "149.00", (266, 691, 814, 1238)),
            Piece("Straw hat", "Paille", "PAI-3", "75.00", (439, 122, 641, 324)),
            Piece("Leather mules", "Nordlys", "NOR-311", "160.00", (454, 1145, 626, 1318)),
        ),
    ),
    DemoLook(
        "Moss & Ivory",
        "moss-ivory.jpg",
        "Merino roll-neck and a pleated check skirt. Turn once, so that the pleats open.",
        (
            Piece("Merino roll-neck, ivory", "Fjell", "FJL-640", "165.00", (338, 317, 742, 720)),
            Piece("Pleated check skirt", "Fjell", "FJL-655", "240.00", (295, 619, 785, 1109)),
            Piece("Saddle leather belt", "Hand & Hide", "HH-12", "85.00", (454, 537, 626, 710)),
        ),
    ),
    DemoLook(
        "Midnight Wool",
        "midnight-wool.jpg",
        "Cocoon coat in double cashmere, over black. Moonlight, no smile.",
        (
            Piece("Cocoon coat, double cashmere", "Noctis", "NOC-1", "1890.00", (151, 317, 929, 1094)),
            Piece("Fine-knit top, black", "Noctis", "NOC-14", "260.00", (439, 360, 641, 562)),
        ),
    ),
)
