"""oEmbed 1.0 (oembed.com): what a chat or a blog shows in place of a shared look's address."""

from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.urls import Resolver404, resolve, reverse
from django.utils.html import format_html

from looks.public.files import fitted
from looks.public.page import UNKNOWN_SIZE, SharedLook

PROVIDER = "AI Studio"
CACHE_SECONDS = 3600  # for which a consumer may keep the response
DEFAULT_SIDE = 640  # pixels, for consumers that name no limit


def address_of(url: str, request: HttpRequest) -> str:
    """The URL of the oEmbed response for a page, for its `<link>`."""
    return f"{request.build_absolute_uri(reverse('oembed'))}?url={quote(url, safe='')}&format=json"


def token_in(url: str, request: HttpRequest) -> str | None:
    """The token in the address of a shared look on this host; None for any other URL."""
    try:
        parts = urlsplit(url)
        match = resolve(parts.path.removeprefix(settings.BASE_PATH))
    except (ValueError, Resolver404):
        return None
    if match.view_name != "shared-look" or parts.netloc != request.get_host():
        return None
    return str(match.kwargs["token"])


def limit(text: str) -> int | None:
    """A limit of the request in pixels; None for none, and for what is no positive number."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 6 and int(text) else None


def response(look: SharedLook, request: HttpRequest, max_width: int | None, max_height: int | None) -> dict[str, Any]:
    """The response: of the type `video` where the look has one, else `rich`, with the picture as a link to the page."""
    size = (look.video.width, look.video.height) if look.video else _size_of_picture(look)
    width, height = _within(*size, max_width, max_height)
    body: dict[str, Any] = {
        "version": "1.0",
        "type": "video" if look.video else "rich",
        "title": look.title,
        "provider_name": PROVIDER,
        "provider_url": request.build_absolute_uri(reverse("home")),
        "cache_age": CACHE_SECONDS,
        "width": width,
        "height": height,
        "html": _html(look, width, height),
    }
    preview_size = look.picture.preview_size if look.picture else None
    if look.preview and preview_size and _fits(*preview_size, max_width, max_height):
        body |= {
            "thumbnail_url": look.preview,
            "thumbnail_width": preview_size[0],
            "thumbnail_height": preview_size[1],
        }
    return body


def _size_of_picture(look: SharedLook) -> tuple[int, int]:
    return (look.picture.width, look.picture.height) if look.picture else UNKNOWN_SIZE


def _within(width: int, height: int, max_width: int | None, max_height: int | None) -> tuple[int, int]:
    """The size, scaled down to the limits, or to DEFAULT_SIDE where there is none."""
    if max_width is None and max_height is None:
        return fitted(width, height, DEFAULT_SIDE)
    scale = min((max_width or width) / width, (max_height or height) / height, 1)
    return max(int(width * scale), 1), max(int(height * scale), 1)


def _fits(width: int, height: int, max_width: int | None, max_height: int | None) -> bool:
    return width <= (max_width or width) and height <= (max_height or height)


def _html(look: SharedLook, width: int, height: int) -> str:
    if look.video:
        text = '<video src="{}" poster="{}" width="{}" height="{}" controls muted loop playsinline></video>'
        return format_html(text, look.video.address, look.video.preview, width, height)
    if look.picture:
        text = '<a href="{}"><img src="{}" alt="{}" width="{}" height="{}"></a>'
        return format_html(text, look.url, look.picture.preview, look.title, width, height)
    return format_html('<a href="{}">{}</a>', look.url, look.title)
