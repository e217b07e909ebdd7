"""Refuses requests with a body: the live process reads none."""

from collections.abc import Callable, Mapping
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponseBase

from studio.errors import TooLarge
from studio.http.responses import refusal


class NoBodyMiddleware:
    """Refuses requests with a body, inside of what gives every response its headers."""

    def __init__(self, get_response: Callable[[ASGIRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: ASGIRequest) -> HttpResponseBase:
        if has_body(request.scope):
            return refusal(413, TooLarge.code, "This process takes no bodies.")
        return self.get_response(request)


def has_body(scope: Mapping[str, Any]) -> bool:
    """Whether the request of this ASGI scope has a body."""
    headers = dict(scope["headers"])
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"").strip(b"0") != b""
