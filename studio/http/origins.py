"""The origin that the client has used, and that of another process of the deployment."""

from urllib.parse import urlsplit

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.http.request import split_domain_port
from rest_framework.request import Request


def origin_of(request: HttpRequest | Request) -> str:
    """Scheme and host of the URL that the client has used. Raises DisallowedHost."""
    return f"{request.scheme}://{request.get_host()}"


def origin_at(place: str, request: HttpRequest) -> str:
    """The origin that LIVE_URL or WEB_URL names: itself, or a port of the host that the client has used, or its own.

    Raises DisallowedHost.
    """
    if not place.startswith(":"):
        return place or origin_of(request)
    return f"{request.scheme}://{split_domain_port(request.get_host())[0]}{place}"


def move_to(origin: str, request: ASGIRequest) -> None:
    """Let absolute URLs that are built from the request begin with this origin."""
    scheme, host = urlsplit(origin)[:2]
    request.META["HTTP_HOST"] = request.META["HTTP_X_FORWARDED_HOST"] = host
    request.META["HTTP_X_FORWARDED_PROTO"] = scheme
    request.scope = {**request.scope, "scheme": scheme}
