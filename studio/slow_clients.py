"""Bounds the threads of a web process that slow clients may hold, so that some are always left for everybody else.

What takes as long as its client takes is a file that is sent, and a large body that comes in.
"""

import threading
import weakref
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from studio.requests import refusal

LARGE_BODY_BYTES = 64 * 1024  # a smaller one mostly arrives together with its headers
RETRY_SECONDS = 10  # many a file is through by then
KEPT_FREE = 16  # threads; twice as many as a process has slots by default (studio.gate)

_places = threading.Semaphore(48)


def allow(*, threads: int) -> None:
    """Let slow clients hold all of a process's threads but 16; of few threads, half."""
    global _places  # noqa: PLW0603 - one for the process, as its threads are
    _places = threading.Semaphore(max(threads - KEPT_FREE, threads // 2, 1))


class SlowClientsMiddleware:
    """Answers 503 to a file or a large body too many."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer; a file holds its place until it is sent or its client has gone."""
        answer = self._with_large_body(request) if _has_large_body(request) else self.get_response(request)
        if not answer.streaming or request.method == "HEAD":
            return answer
        places = _places
        if not places.acquire(blocking=False):
            answer.close()
            return _busy("too_many_downloads", "Too many files are being sent. Please try again in a moment.")
        # Called once, by whichever comes first: Django closes the answer, or nobody has it any more.
        closers: list[Callable[[], object]] = vars(answer)["_resource_closers"]
        closers.append(weakref.finalize(answer, places.release))
        return answer

    def _with_large_body(self, request: HttpRequest) -> HttpResponseBase:
        places = _places
        if not places.acquire(blocking=False):
            return _busy("too_many_uploads", "Too many files are being received. Please try again in a moment.")
        try:
            answer = self.get_response(request)
        finally:
            places.release()
        if answer.status_code >= 400:
            answer["Connection"] = "close"  # the rest of the body is not waited for
        return answer


def _has_large_body(request: HttpRequest) -> bool:
    declared = request.META.get("CONTENT_LENGTH") or "0"
    return declared.isdecimal() and int(declared) > LARGE_BODY_BYTES


def _busy(code: str, detail: str) -> HttpResponseBase:
    answer = refusal(503, code, detail)
    answer["Retry-After"] = str(RETRY_SECONDS)
    return answer
