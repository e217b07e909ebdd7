"""Limits the pixels that one request may decode."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from studio.media import decode_budget


class DecodeBudgetMiddleware:
    """Gives each request REQUEST_MAX_PIXELS to decode."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with decode_budget.request_limit(settings.REQUEST_MAX_PIXELS):
            return self.get_response(request)
