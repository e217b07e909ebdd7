"""What goes over the wire: how large a body is, how it is parsed, and that the answer is always JSON."""

import json
import re
import uuid
from collections.abc import Callable, Iterable
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.http import parse_header_parameters
from rest_framework import exceptions, negotiation, parsers, renderers
from rest_framework.request import Request

from studio import log, picture_budget

FORM_WITHOUT_PARTS = (
    300  # bytes; above the 207 that one has at most: Django takes boundaries of 200 bytes, and one less
)
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestIdMiddleware:
    """Gives every request an id, the client's own where it sent a sane one, and says it in the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with `X-Request-ID`."""
        given = request.headers.get("X-Request-ID", "")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        with log.about(request_id=request_id):
            answer = self.get_response(request)
        answer.headers["X-Request-ID"] = request_id
        return answer


class BodyLengthMiddleware:
    """Refuses a body that no endpoint takes, before a byte is read or stored, and says how long the answer's is."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, with 413 on the declared length; WSGI reads no further than that length."""
        if request.META.get("HTTP_TRANSFER_ENCODING"):  # WSGI would read it as an empty body
            detail = "Send the length of the body (Content-Length); chunks are not taken."
            return refusal(411, "length_required", detail)
        declared = request.META.get("CONTENT_LENGTH") or "0"
        if not declared.isdecimal() or int(declared) > settings.REQUEST_MAX_BYTES:
            limit = settings.REQUEST_MAX_BYTES // settings.MIB
            detail = f"The request is too large; the limit is {limit} MiB."
            return refusal(413, "too_large", detail)
        with picture_budget.limited(settings.REQUEST_MAX_PIXELS):
            answer = self.get_response(request)
        if isinstance(answer, HttpResponse) and "Content-Length" not in answer.headers:
            answer.headers["Content-Length"] = str(len(answer.content))  # else the server would send it in chunks
        return answer


def refusal(status: int, code: str, detail: str) -> JsonResponse:
    """A refusal before any view. The connection ends with it: a body that follows is not read."""
    return JsonResponse({"detail": detail, "code": code}, status=status, headers={"Connection": "close"})


class AlwaysJSON(negotiation.BaseContentNegotiation):
    """Answers JSON whatever `Accept` says: a player that asks for video/mp4 must not get a 406 from the download."""

    def select_parser(self, request: Request, parsers: Iterable[parsers.BaseParser]) -> parsers.BaseParser | None:
        """By the body's type."""
        return negotiation.DefaultContentNegotiation().select_parser(request, parsers)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        """The first one."""
        return renderers[0], renderers[0].media_type


class JSONRenderer(renderers.JSONRenderer):
    """The same JSON as DRF's, by orjson."""

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        """The body; empty for an answer without one."""
        if data is None:
            return b""
        try:
            return orjson.dumps(data, default=str, option=orjson.OPT_NON_STR_KEYS)
        except TypeError:  # half a surrogate pair, out of the request that an error message repeats
            return json.dumps(data, default=str).encode()


class JSONParser(parsers.JSONParser):
    """DRF's parser, with a document that is nested too deeply refused instead of crashing the request."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The parsed document. Raises ParseError, which says where the mistake is."""
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as exc:
            raise exceptions.ParseError("The body is not valid JSON: it is nested too deeply.") from exc
        except exceptions.ParseError as exc:
            raise exceptions.ParseError(f"The body is not valid JSON: {_mistake(exc.__context__)}.") from exc


def _mistake(exc: BaseException | None) -> str:
    """What is wrong with a JSON document, by what reading it has raised."""
    if isinstance(exc, json.JSONDecodeError):
        return f"{exc.msg.removesuffix(' at').lower()} (line {exc.lineno}, column {exc.colno})"
    if isinstance(exc, UnicodeDecodeError):
        return "it is not in UTF-8"
    return "it has a number that is too long, NaN or Infinity"


class MultiPartParser(parsers.MultiPartParser):
    """DRF's parser, with a body that is no form refused; Django reads nothing, or a wrong field, out of anything."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The fields and the files. Raises ParseError."""
        body: Any = _Beginning(stream)  # Django only reads of it
        form = super().parse(body, media_type, parser_context)
        delimiter = f"--{parse_header_parameters(media_type or '')[1].get('boundary', '')}".encode()
        beginning = body.beginning.strip()
        is_empty = beginning in {b"", delimiter + b"--"}
        is_form = beginning.startswith(delimiter) and bool(form.data or form.files)
        if not is_empty and not is_form:
            raise exceptions.ParseError("Multipart form parse error - the body is no form of its boundary")
        return form


class _Beginning:
    """A stream that keeps what was read of it first."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.beginning = b""

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._stream.read(size)
        self.beginning += data[: FORM_WITHOUT_PARTS - len(self.beginning)]
        return data
