"""What the public page of a look shows: no notes, which are the owner's, no ids, and nothing of the owner."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest
from django.urls import reverse

from looks.models import LookLink, Product
from looks.public.files import PICTURE, POSTER, PRODUCT, Files, default_video, fitted
from studio.api.row_serializers import absolute
from studio.http.origins import origin_of
from studio.media import sized

UNKNOWN_SIZE = 1080, 1350  # pixels; place for a picture whose size is not stored: 4:5, the most common upright one
_RESOLUTIONS = {"720p": 720, "1080p": 1080}  # pixels of the shorter side


@dataclass(frozen=True)
class Picture:
    """A picture. `source_set` is empty where the size is unknown.

    `preview` is the absolute URL of a JPEG for chat services.
    """

    url: str
    width: int
    height: int
    source_set: str
    preview: str
    preview_size: tuple[int, int] | None


@dataclass(frozen=True)
class Video:
    """A video, with its size in pixels. `address` and `preview`, of its poster, are absolute, for other sites."""

    url: str
    width: int
    height: int
    poster: str
    address: str
    preview: str


@dataclass(frozen=True)
class Piece:
    """A product. `shop` is the host of its page."""

    name: str
    designer: str
    price: str
    url: str
    shop: str
    picture: str


@dataclass(frozen=True)
class SharedLook:
    """A look as everyone sees it."""

    title: str
    url: str
    picture: Picture | None
    video: Video | None
    pieces: Sequence[Piece]
    origins: Sequence[str]  # of files that a storage service has

    @property
    def layout(self) -> str:
        """How the page arranges what it shows: `pair`, two upright ones side by side, `stack`, `one` or `none`."""
        shown = [one for one in (self.video, self.picture) if one]
        if len(shown) < 2:
            return "one" if shown else "none"
        return "pair" if all(one.height >= one.width for one in shown) else "stack"

    @property
    def sizes(self) -> str:
        """The width of the picture on the page, for `sizes`; as in the style sheet."""
        return "(min-width: 64rem) 32rem, 84vw" if self.layout == "pair" else "(min-width: 64rem) 55rem, 92vw"

    @property
    def designers(self) -> list[str]:
        """Each designer once, in the order of the pieces."""
        return list(dict.fromkeys(piece.designer for piece in self.pieces if piece.designer))

    @property
    def summary(self) -> str:
        """The pieces in one line, for previews."""
        return ", ".join(piece.name for piece in self.pieces)

    @property
    def preview(self) -> str:
        """The URL of the picture for previews; "" if there is none."""
        shown = self.picture or self.video
        return shown.preview if shown else ""


def shared_look(link: LookLink, request: HttpRequest) -> SharedLook:
    """What the link shows, from two statements."""
    files, origin = Files(link.token), origin_of(request)
    picture, video = _picture(link.look, files, origin), _video(default_video(link.look), files, origin)
    pieces = [_piece(product, files) for product in Product.objects.filter(look=link.look_id).order_by("position")]
    url = request.build_absolute_uri(reverse("shared-look", args=[link.token]))
    return SharedLook(link.look.title, url, picture, video, pieces, files.origins)


def _picture(look: Any, files: Files, origin: str) -> Picture | None:
    name = look.image.name
    if not name:
        return None
    width, height = look.image_width, look.image_height
    known = bool(width and height)
    shown_width, shown_height = (width, height) if known else UNKNOWN_SIZE
    return Picture(
        url=files.picture(name, PICTURE, sized.MEDIUM if known else sized.LARGE),
        width=shown_width,
        height=shown_height,
        source_set=files.source_set(name, PICTURE, width=width, height=height) if known else "",
        preview=absolute(files.picture(name, PICTURE, sized.PREVIEW), origin=origin),
        preview_size=fitted(width, height, sized.PREVIEW) if known else None,
    )


def _video(job: Any, files: Files, origin: str) -> Video | None:
    if job is None:
        return None
    poster, url = job.poster.name, files.video(job.video.name)
    width, height = _size_of(job.resolution, job.delivered_aspect_ratio or job.aspect_ratio)
    return Video(
        url=url,
        width=width,
        height=height,
        poster=files.picture(poster, POSTER, sized.MEDIUM) if poster else "",
        address=absolute(url, origin=origin),
        preview=absolute(files.picture(poster, POSTER, sized.PREVIEW), origin=origin) if poster else "",
    )


def _size_of(resolution: str, aspect_ratio: str) -> tuple[int, int]:
    """The size in pixels; 16:9 for a ratio of the legacy system that is no pair of numbers."""
    across, _, down = aspect_ratio.partition(":")
    wide, high = (int(across), int(down)) if across.isdigit() and down.isdigit() else (16, 9)
    short = _RESOLUTIONS.get(resolution, 720)
    scale = short / max(min(wide, high), 1)
    return max(round(wide * scale), 1), max(round(high * scale), 1)


def _piece(product: Product, files: Files) -> Piece:
    thumbnail = product.thumbnail.name
    return Piece(
        name=product.name,
        designer=product.designer,
        price=_price(product.price, product.currency),
        url=product.product_url,
        shop=(urlsplit(product.product_url).hostname or "").removeprefix("www."),
        picture=files.picture(thumbnail, f"{PRODUCT}-{product.position}", sized.SMALL) if thumbnail else "",
    )


def _price(price: Decimal | None, currency: str) -> str:
    """Such as `EUR 1,890` or `EUR 89.50`; "" if unknown."""
    if price is None:
        return ""
    return f"{currency} {price:,.2f}".removesuffix(".00").strip()
