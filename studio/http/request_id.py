"""Gives every request an id, which its log lines and its response carry."""

import re
import secrets
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils.log import log_response

from studio.observability import log

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestIdMiddleware:
    """Takes the client's `X-Request-ID` if it is well-formed, else makes one, and returns it in the response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = id_of(request)
        with log.context(request_id=request_id):
            response = self.get_response(request)
            if response.status_code >= 500:  # Django would log it further out, without the id
                facts: Any = {"response": response, "request": request}  # the stubs want an HttpResponse; any will do
                log_response("%s: %s", response.reason_phrase, request.path, **facts)
        response.headers["X-Request-ID"] = request_id
        return response


def id_of(request: HttpRequest) -> str:
    """The id that the client sent, if it is well-formed; else a new one."""
    sent = request.headers.get("X-Request-ID", "")
    return sent if REQUEST_ID.fullmatch(sent) else secrets.token_hex(16)
