"""The views of a shared look. Every address that shows nothing now gets the same response, whatever the reason."""

from collections.abc import Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from looks import links
from looks.public import files, oembed
from looks.public.page import SharedLook, shared_look
from looks.public.styles import styles
from studio.http import serving
from studio.http.language import localised
from studio.http.responses import refusal
from studio.media import sized
from studio.media.decode_budget import ImagesBusy
from studio.media.images import BadImage
from studio.media.storage import base, media_storage

# Own files, the styles in the page, and nothing else; a storage service's origins are added where it has files.
_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "style-src {styles}; img-src 'self'{origins}; media-src 'self'{origins}"
)
_HEADERS = {
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",  # shops must not learn the address
    "Cache-Control": "private, no-cache",  # a revoked link ends at once
}


@gzip_page  # the look's token is the secret in it, which the address has, too
@require_safe
@localised
def page(request: HttpRequest, token: str) -> HttpResponseBase:
    """The look, or a page that says that the link does not work."""
    link = links.find(token)
    if link is None:
        return _rendered(request, "public_look/gone.html", {}, status=404)
    look = shared_look(link, request)
    if request.method == "GET":
        links.record_view(link)
    context = {"look": look, "oembed": oembed.address_of(look.url, request)}
    response = _rendered(request, "public_look/page.html", context, origins=look.origins)
    if first := _first_picture(look):
        response["Link"] = first
    return response


@require_safe
def file(request: HttpRequest, token: str, name: str) -> HttpResponseBase:
    """A picture or the video of the look, from our disk; a redirect to a storage service for others."""
    link, requested = links.find(token), files.parsed(name)
    stored = files.stored_name(link, requested) if link and requested else ""
    if not stored or requested is None:
        raise Http404
    response: HttpResponseBase = _sent(request, stored, requested.side)
    response["X-Robots-Tag"] = _HEADERS["X-Robots-Tag"]
    return response


@require_safe
def embed(request: HttpRequest) -> JsonResponse:
    """The oEmbed response (oembed.com) for the address of a shared look."""
    if request.GET.get("format", "json") != "json":
        return refusal(501, "bad_request", "The only format is json.")
    token = oembed.token_in(request.GET.get("url", ""), request)
    link = links.find(token) if token else None
    if link is None:
        raise Http404
    limits = [oembed.limit(request.GET.get(name, "")) for name in ("maxwidth", "maxheight")]
    return JsonResponse(oembed.response(shared_look(link, request), request, *limits), headers=_HEADERS)


def _sent(request: HttpRequest, name: str, side: int | None) -> Any:
    storage = media_storage()
    if not serving.is_on_our_disk(storage, name):
        return redirect(base.sized_url(storage=storage, name=name, side=side) if side else storage.url(name))
    if side is None:
        return serving.on_our_disk(request, storage=storage, name=name)
    try:
        copy = sized.copy_of(storage=storage, name=name, side=side)
    except (FileNotFoundError, BadImage) as exc:
        raise Http404 from exc
    except ImagesBusy as exc:
        busy = refusal(503, exc.code, exc.message)
        busy["Retry-After"] = str(exc.retry_after_seconds)
        return busy
    return serving.on_our_disk(request, storage=sized.folder(), name=copy)


def _first_picture(look: SharedLook) -> str:
    """The picture of the first view, as a value of `Link`: browsers fetch it before they parse the page."""
    if look.video and look.video.poster:
        return f"<{look.video.poster}>; rel=preload; as=image; fetchpriority=high"
    if look.video or not look.picture:
        return ""
    chosen = f'; imagesrcset="{look.picture.source_set}"; imagesizes="{look.sizes}"'
    sources = chosen if look.picture.source_set else ""
    return f"<{look.picture.url}>; rel=preload; as=image; fetchpriority=high{sources}"


def _rendered(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200, origins: Sequence[str] = ()
) -> HttpResponse:
    """The page; `origins` are those of a storage service's files."""
    response = render(request, template, {"styles": styles().text, **context}, status=status)
    for name, value in _HEADERS.items():
        response[name] = value
    listed = "".join(f" {origin}" for origin in origins)
    response["Content-Security-Policy"] = _POLICY.format(origins=listed, styles=styles().source)
    return response
