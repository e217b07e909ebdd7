"""Middleware of the live process (`settings.LIVE_MIDDLEWARE`).

The web process's is synchronous: Django would run it, and with it each stream, in a thread of its own.
"""

from collections.abc import Awaitable, Callable

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponseBase
from django.utils.decorators import async_only_middleware

from studio.http.base_path import canonicalise
from studio.http.headers import add_security_headers
from studio.http.origins import move_to, origin_at
from studio.http.request_id import id_of
from studio.observability import log

Respond = Callable[[ASGIRequest], Awaitable[HttpResponseBase]]


@async_only_middleware
def canonical(get_response: Respond) -> Respond:
    """The canonical path, a request id, and the security headers, as in the web process."""

    async def respond(request: ASGIRequest) -> HttpResponseBase:
        request.urlconf = settings.LIVE_URLCONF  # Django's hook
        request_id = id_of(request)
        with log.context(request_id=request_id):
            canonicalise(request)
            response = await get_response(request)
        response.headers["X-Request-ID"] = request_id
        add_security_headers(response, path=request.path_info)
        return response

    return respond


@async_only_middleware
def at_web_origin(get_response: Respond) -> Respond:
    """Absolute URLs in responses lead to the web process, which serves the files."""

    async def respond(request: ASGIRequest) -> HttpResponseBase:
        move_to(origin_at(settings.WEB_URL, request), request)
        return await get_response(request)

    return respond
