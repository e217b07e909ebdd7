"""Refuses a file to send, or a large body, while as many threads as may wait for slow clients do so.

What takes as long as its client takes is a file that is sent, and a large body that comes in.
"""

import weakref
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from studio.http import active_requests, bodies, concurrency
from studio.http.responses import refusal

RETRY_SECONDS = 10  # many a file is through by then


class SlowClientsMiddleware:
    """Answers 503 to a file or a large body too many."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer; a file holds its place until it is sent or its client has gone."""
        if active_requests.is_refused(request.META):
            return _busy("too_busy", "The server is too busy. Please try again in a moment.")
        response = self._with_large_body(request) if bodies.is_large(request) else self.get_response(request)
        if not response.streaming or request.method == "HEAD":
            return response
        release = concurrency.place()
        if release is None:
            response.close()
            return _busy("too_many_downloads", "Too many files are being sent. Please try again in a moment.")
        # Called once, by whichever comes first: Django closes the response, or it is collected as garbage.
        closers: list[Callable[[], object]] = vars(response)["_resource_closers"]
        closers.append(weakref.finalize(response, release))
        return response

    def _with_large_body(self, request: HttpRequest) -> HttpResponseBase:
        with concurrency.with_place() as has_place:
            if not has_place:
                return _busy("too_many_uploads", "Too many files are being received. Please try again in a moment.")
            response = self.get_response(request)
        if response.status_code >= 400:
            response["Connection"] = "close"  # the rest of the body is not waited for
        return response


def _busy(code: str, detail: str) -> HttpResponseBase:
    response = refusal(503, code, detail)
    response["Retry-After"] = str(RETRY_SECONDS)
    return response
