"""Limits the size of request bodies, and makes sure that they are complete before anything acts on them."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from studio.errors import InvalidInput
from studio.http.responses import refusal, too_large

CHUNK_BYTES = 64 * 1024
LARGE_BYTES = 64 * 1024  # shorter bodies mostly arrive together with their headers
WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # their bodies have no meaning

KIB = 1024
ANONYMOUS_BYTES = 16 * KIB  # an e-mail address and a password, or a token, take less than one
FORM_BYTES = 100 * KIB  # urlencoded; parsed, it takes ten times the memory


@dataclass(frozen=True)
class Limits:
    """The largest bodies that an endpoint accepts, in bytes; None: REQUEST_MAX_BYTES."""

    json: int | None = KIB * KIB  # also for unknown types
    multipart: int | None = KIB * KIB


FOR_ANONYMOUS = Limits(json=ANONYMOUS_BYTES, multipart=ANONYMOUS_BYTES)
FOR_TEXTS = Limits()
FOR_FILES = Limits(multipart=None)
FOR_FILES_AND_BASE64 = Limits(json=None, multipart=None)


def is_large(request: Any) -> bool:
    """Whether the body is so long that it arrives after its headers."""
    return length_of(request) > LARGE_BYTES


def length_of(request: Any) -> int:
    """The request's Content-Length, in bytes; 0 if it is no number."""
    return announced(request.META)


def announced(environ: Mapping[str, Any]) -> int:
    """The Content-Length in a WSGI environ."""
    length = environ.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isdecimal() else 0


def limit_of(view: Any, content_type: str) -> int:
    """The limit in bytes for a body of this type, from the view's `body_limits`."""
    limits = getattr(getattr(view, "cls", None), "body_limits", FOR_FILES)
    limit = limits.multipart if content_type.startswith("multipart/") else limits.json
    limit = settings.REQUEST_MAX_BYTES if limit is None else limit
    return min(limit, FORM_BYTES) if content_type == "application/x-www-form-urlencoded" else limit


WITHOUT_END = (
    "The multipart body has no closing boundary: it is incomplete, or Content-Type names another boundary. "
    "Nothing was done; please send the request again."
)


class IncompleteBody(InvalidInput, BadRequest):
    """The body is shorter than its Content-Length, or a multipart body lacks its closing boundary.

    Not an OSError or ValueError, which Django and DRF catch while parsing. As a BadRequest, it becomes a 400 outside of
    the API too.
    """

    code = "incomplete_body"
    message = "The request body is incomplete. Nothing was done; please send the request again."


class WholeBody(io.IOBase):
    """A stream of the body that raises IncompleteBody if it ends early.

    All parsers read to the end, also Django's multipart parser, so none returns the fields of an incomplete body.
    """

    def __init__(self, stream: Any, *, length: int, boundary: str = "") -> None:
        self._stream, self._left = stream, length
        self.refusal: IncompleteBody | None = None  # raised by a read
        # The closing delimiter of a multipart body (RFC 2046, 5.1.1), until it was read. A body of the right length may
        # lack it: the client may have measured a truncated file.
        self._awaited = f"--{boundary}--".encode("ascii", "ignore") if boundary else b""
        self._before = b""  # the end of the last read, where the delimiter may begin

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes; fewer only at the end. Raises IncompleteBody."""
        length = self._length(size)
        data = self._read_some(self._stream.read, length)
        if len(data) < length:
            raise self._refuse()
        return data

    def readline(self, size: int | None = -1, /) -> bytes:
        """Raises IncompleteBody."""
        length = self._length(size)
        line = self._read_some(self._stream.readline, length)
        if len(line) < length and not line.endswith(b"\n"):
            raise self._refuse()
        return line

    def _length(self, size: int | None) -> int:
        return self._left if size is None or size < 0 else min(size, self._left)

    def _read_some(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            data = read(size) if size else b""
        except OSError as exc:  # the client has reset the connection
            raise self._refuse() from exc
        self._left -= len(data)
        if self._awaited:
            seen = self._before + data
            self._before = seen[-len(self._awaited) :]
            if self._awaited in seen:
                self._awaited = b""
            elif not self._left:
                raise self._refuse(WITHOUT_END)
        return data

    def _refuse(self, message: str = "") -> IncompleteBody:
        self.refusal = IncompleteBody(message)
        return self.refusal


def watch(request: HttpRequest, *, length: int) -> WholeBody:
    """Have the request read its body through a WholeBody; returns that."""
    boundary = (request.content_params or {}).get("boundary", "")
    is_multipart = (request.content_type or "").startswith("multipart/")
    body = WholeBody(request.META["wsgi.input"], length=length, boundary=boundary if is_multipart and length else "")
    request._stream = body  # type: ignore[assignment]  # noqa: SLF001 - Django reads from it, and accepts any stream
    return body


def drain(request: Any) -> None:
    """Read the rest of the body, and drop it. Raises IncompleteBody."""
    while request.read(CHUNK_BYTES):
        pass


def require_whole_form(request: HttpRequest) -> None:
    """Read the whole body of a form before its view runs. Raises IncompleteBody."""
    if request.method not in WITHOUT_BODY:
        _ = request.POST  # parses and caches it
        drain(request)


class BodyLengthMiddleware:
    """Refuses bodies that no endpoint accepts before they are read, and sets the response's Content-Length."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        refused = _refused_by_headers(request)
        if refused is not None:
            return refused
        body = watch(request, length=length_of(request))
        response = self.get_response(request)
        if body.refusal:  # whatever response the exception became
            return refusal(400, body.refusal.code, body.refusal.message)
        if isinstance(response, HttpResponse):
            response.headers.setdefault("Content-Length", str(len(response.content)))  # else it is sent in chunks
            if request.method == "HEAD":
                response.content = b""  # else gunicorn drops it, with a warning
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        """Refuse a body too long for this view, before other middleware reads it."""
        return _refused_by_length(request, limit_of(view, request.content_type or ""))


def _refused_by_headers(request: HttpRequest) -> HttpResponseBase | None:
    if request.META.get("HTTP_TRANSFER_ENCODING"):  # WSGI would read it as an empty body
        return refusal(411, "length_required", "Send Content-Length; chunked bodies are not supported.")
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if not declared.isdecimal():
        return too_large(settings.REQUEST_MAX_BYTES)
    if refused := _refused_by_length(request, settings.REQUEST_MAX_BYTES):
        return refused
    codings = {coding.strip().lower() for coding in request.headers.get("Content-Encoding", "").split(",")}
    if int(declared) and not codings <= {"", "identity"}:  # parsers do not decompress
        response = refusal(415, "unsupported_encoding", "Send the body uncompressed, without Content-Encoding.")
        response["Accept-Encoding"] = "identity"  # RFC 9110, 15.5.16
        return response
    return None


def _refused_by_length(request: HttpRequest, limit: int) -> HttpResponseBase | None:
    return too_large(limit) if length_of(request) > limit else None
