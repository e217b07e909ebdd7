"""What goes over the wire: which bodies are taken, how they are parsed, and that the response is always JSON."""

import codecs
import io
import json
import re
import uuid
from collections.abc import Callable, Iterable
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.http import parse_header_parameters
from django.utils.log import log_response
from rest_framework import exceptions, metadata, negotiation, parsers, renderers
from rest_framework.request import Request

from studio.api import strict_json
from studio.http import bodies, uploads
from studio.media import decode_budget
from studio.observability import log

FORM_WITHOUT_PARTS = (
    300  # bytes; above the 207 that one has at most: Django takes boundaries of 200 bytes, and one less
)
SEND_JSON = "For JSON send the header Content-Type: application/json"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def logged(response: HttpResponseBase) -> None:
    """Keep Django from a second ERROR about a response of status 5xx whose reason is in the log already."""
    response._has_been_logged = True  # type: ignore[attr-defined]  # what Django asks (django.utils.log.log_response)


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
            if answer.status_code >= 500:  # Django would log it further out, where the id is not known any more
                facts: Any = {"response": answer, "request": request}  # the stubs want an HttpResponse; any will do
                log_response("%s: %s", answer.reason_phrase, request.path, **facts)
        answer.headers["X-Request-ID"] = request_id
        return answer


class BodyLengthMiddleware:
    """Refuses a body that no endpoint takes, before a byte is read or stored, and says how long the response's is."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, with a refusal where the headers suffice for one, or where the body turned out to be incomplete."""
        refused = _refused_by_headers(request)
        if refused is not None:
            return refused
        body = bodies.watch(request, length=bodies.length_of(request))
        with decode_budget.limited(settings.REQUEST_MAX_PIXELS):
            response = self.get_response(request)
        if body.refusal:  # whatever was made of the exception further in
            return refusal(400, body.refusal.code, body.refusal.message)
        if isinstance(response, HttpResponse) and "Content-Length" not in response.headers:
            response.headers["Content-Length"] = str(len(response.content))  # else the server would send it in chunks
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        """Refuse what this view takes no body of that length of; before other middleware reads it."""
        return _refused_by_length(request, bodies.limit_of(view, request.content_type or ""))


def _refused_by_headers(request: HttpRequest) -> HttpResponseBase | None:
    if request.META.get("HTTP_TRANSFER_ENCODING"):  # WSGI would read it as an empty body
        return refusal(411, "length_required", "Send the length of the body (Content-Length); chunks are not taken.")
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if not declared.isdecimal():
        return too_large(settings.REQUEST_MAX_BYTES)
    if refused := _refused_by_length(request, settings.REQUEST_MAX_BYTES):
        return refused
    codings = {coding.strip().lower() for coding in request.headers.get("Content-Encoding", "").split(",")}
    if int(declared) and not codings <= {"", "identity"}:  # a parser would find no form in it, or a wrong one
        response = refusal(415, "unsupported_encoding", "Send the body as it is, without a Content-Encoding.")
        response["Accept-Encoding"] = "identity"  # RFC 9110, 15.5.16
        return response
    return None


def _refused_by_length(request: HttpRequest, limit: int) -> HttpResponseBase | None:
    return too_large(limit) if bodies.length_of(request) > limit else None


def too_large(limit: int) -> HttpResponseBase:
    """The refusal of a body of more than `limit` bytes."""
    shown = f"{limit // settings.MIB} MiB" if limit >= settings.MIB else f"{limit // 1024} KiB"
    return refusal(413, "too_large", f"The request is too large; the limit is {shown}.")


def refusal(status: int, code: str, detail: str) -> JsonResponse:
    """A refusal before any view. The connection ends with it: a body that follows is not read."""
    response = JsonResponse({"detail": detail, "code": code}, status=status, headers={"Connection": "close"})
    response.headers["Content-Length"] = str(len(response.content))  # else the server would send it in chunks
    return response


class AlwaysJSON(negotiation.BaseContentNegotiation):
    """Answers JSON whatever `Accept` says: a player that asks for video/mp4 must not get a 406 from the download."""

    def select_parser(self, request: Request, parsers: Iterable[parsers.BaseParser]) -> parsers.BaseParser | None:
        """By the body's type. Raises UnsupportedMediaType, with the header that is missing."""
        parser = negotiation.DefaultContentNegotiation().select_parser(request, parsers)
        if parser is None:
            bodies.drain(request)  # one that broke off is refused as that, whatever its type
            given = f"A body of the type {request.content_type}" if request.content_type else "A body without a type"
            raise exceptions.UnsupportedMediaType(
                request.content_type, detail=f"{given} is not taken. {SEND_JSON}; or send a form."
            )
        return parser

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        """The first one."""
        return renderers[0], renderers[0].media_type


class NoMetadata(metadata.BaseMetadata):
    """What OPTIONS says of an endpoint: the methods, in `Allow`. The rest is in the OpenAPI document."""

    def determine_metadata(self, request: Request, view: Any) -> None:
        """Nothing."""


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


class JSONParser(parsers.BaseParser):
    """A strict parser: what other parsers would read in two ways, a name that is given twice or NaN, is refused.

    It is none of DRF's own kind, of which the request would read the whole body into memory first.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The parsed document. Raises ParseError, which says where the mistake is."""
        encoding = (parser_context or {}).get("encoding", settings.DEFAULT_CHARSET)
        with uploads.received(stream) as body:
            try:
                return strict_json.parsed(_in_utf8(body.read(), encoding))
            except strict_json.BadJSON as exc:
                raise exceptions.ParseError(f"The body is not valid JSON: {exc}.") from exc


def _in_utf8(text: bytes, encoding: str) -> bytes:
    """JSON is in UTF-8 (RFC 8259, 8.1); a short text may have another encoding, which Content-Type names."""
    if len(text) > bodies.LARGE_BYTES or codecs.lookup(encoding).name == "utf-8":
        return text
    try:
        return text.decode(encoding).encode()
    except (UnicodeError, LookupError) as exc:  # LookupError: Python also knows codecs of bytes, zlib for example
        raise strict_json.BadJSON("it is not in the encoding that Content-Type names") from exc


class FormParser(parsers.FormParser):
    """DRF's parser, with JSON refused: curl and some HTTP clients call a body a form unless they are given its type."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The fields. Raises ParseError."""
        body = stream.read()
        if body.lstrip()[:1] in {b"{", b"["}:  # a form has its braces escaped
            raise exceptions.ParseError(f"The body is JSON, and was sent as a form. {SEND_JSON}.")
        return super().parse(io.BytesIO(body), media_type, parser_context)


class MultiPartParser(parsers.MultiPartParser):
    """DRF's parser, with a body that is no form refused; Django reads nothing, or a wrong field, out of anything."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The fields and the files. Raises ParseError."""
        boundary = parse_header_parameters(media_type or "")[1].get("boundary", "")
        if not boundary:  # set by hand, in nearly every case
            raise exceptions.ParseError(
                "Content-Type: multipart/form-data needs a boundary; leave that header to your HTTP client."
            )
        body: Any = _Beginning(stream)  # Django only reads of it
        form = super().parse(body, media_type, parser_context)
        delimiter = f"--{boundary}".encode()
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
