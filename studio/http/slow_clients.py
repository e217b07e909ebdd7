"""Refuses downloads and large bodies while too many threads wait for slow clients."""

import weakref
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from studio.http import active_requests, bodies, concurrency
from studio.http.responses import refusal

RETRY_SECONDS = 10  # some transfers have finished by then


class SlowClientsMiddleware:
    """Responds 503 if no permit is free. A file's permit is released once the file is sent or the client has gone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if active_requests.is_refused(request.META):
            return _busy("too_busy", "The server is too busy. Please try again in a moment.")
        response = self._with_large_body(request) if bodies.is_large(request) else self.get_response(request)
        if not response.streaming or request.method == "HEAD":
            return response
        release = concurrency.acquire()
        if release is None:
            response.close()
            return _busy("too_many_downloads", "Too many files are being sent. Please try again in a moment.")
        # Called once: when Django closes the response, or when it is garbage-collected.
        closers: list[Callable[[], object]] = vars(response)["_resource_closers"]
        closers.append(weakref.finalize(response, release))
        return response

    def _with_large_body(self, request: HttpRequest) -> HttpResponseBase:
        with concurrency.permit() as is_free:
            if not is_free:
                return _busy("too_many_uploads", "Too many files are being received. Please try again in a moment.")
            response = self.get_response(request)
        if response.status_code >= 400:
            response["Connection"] = "close"  # do not wait for the rest of the body
        return response


def _busy(code: str, detail: str) -> HttpResponseBase:
    response = refusal(503, code, detail)
    response["Retry-After"] = str(RETRY_SECONDS)
    return response
