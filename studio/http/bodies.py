"""How large a request's body may be, and that it is whole: nothing acts on what a client had no time to send."""

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
LARGE_BYTES = 64 * 1024  # a shorter body mostly arrives together with its headers
WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # what they do depends on no body

KIB = 1024
STRANGER_BYTES = 16 * KIB  # a form with an address and a password, or a token, has less than one
FORM_BYTES = 100 * KIB  # urlencoded; ten times as much in memory


@dataclass(frozen=True)
class Limits:
    """The largest bodies that an endpoint takes, in bytes; None: as large as any (`REQUEST_MAX_BYTES`)."""

    json: int | None = KIB * KIB  # texts; of any type but the others, too
    multipart: int | None = KIB * KIB


FOR_STRANGERS = Limits(json=STRANGER_BYTES, multipart=STRANGER_BYTES)
FOR_TEXTS = Limits()
FOR_FILES = Limits(multipart=None)
FOR_FILES_AND_BASE64 = Limits(json=None, multipart=None)


def is_large(request: Any) -> bool:
    """Whether the body is so long that it comes in after its headers."""
    return length_of(request) > LARGE_BYTES


def length_of(request: Any) -> int:
    """The length that the headers announce, in bytes; 0 for one that is no number."""
    return announced(request.META)


def announced(environ: Mapping[str, Any]) -> int:
    """The same, by the environ of a request that Django has not seen yet."""
    length = environ.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isdecimal() else 0


def limit_of(view: Any, content_type: str) -> int:
    """The most bytes of this type that the view takes: an endpoint says it in `body_limits`."""
    limits = getattr(getattr(view, "cls", None), "body_limits", FOR_FILES)
    limit = limits.multipart if content_type.startswith("multipart/") else limits.json
    limit = settings.REQUEST_MAX_BYTES if limit is None else limit
    return min(limit, FORM_BYTES) if content_type == "application/x-www-form-urlencoded" else limit


WITHOUT_END = (
    "The multipart body has no closing boundary: it broke off, or Content-Type names another boundary. "
    "Nothing was done; please send the request again."
)


class IncompleteBody(InvalidInput, BadRequest):
    """The body is shorter than announced, or a multipart one lacks its end.

    Neither an OSError nor a ValueError: Django and DRF catch those while they parse, and continue. As a BadRequest it
    is a 400 of Django's too, outside of the API.
    """

    code = "incomplete_body"
    message = "The body broke off before its end. Nothing was done; please send the request again."


class WholeBody(io.IOBase):
    """A body as it comes in. Reading raises IncompleteBody instead of giving a last part that is not the last.

    Every parser reads to the end, Django's multipart parser too, so none hands on fields of half a body.
    """

    def __init__(self, stream: Any, *, length: int, boundary: str = "") -> None:
        self._stream, self._left = stream, length
        self.refusal: IncompleteBody | None = None  # what reading has raised
        # What a multipart body has yet to bring: its closing delimiter (RFC 2046, 5.1.1). A cut may fall on the length
        # that was announced, by a client that has measured half of an upload for example.
        self._awaited = f"--{boundary}--".encode("ascii", "ignore") if boundary else b""
        self._before = b""  # the end of what was read, where the delimiter may begin

    def read(self, size: int | None = -1, /) -> bytes:
        """At most so many bytes; fewer only at the end. Raises IncompleteBody."""
        wanted = self._wanted(size)
        data = self._received(self._stream.read, wanted)
        if len(data) < wanted:
            raise self._refused()
        return data

    def readline(self, size: int | None = -1, /) -> bytes:
        """A line. Raises IncompleteBody."""
        wanted = self._wanted(size)
        line = self._received(self._stream.readline, wanted)
        if len(line) < wanted and not line.endswith(b"\n"):
            raise self._refused()
        return line

    def _wanted(self, size: int | None) -> int:
        return self._left if size is None or size < 0 else min(size, self._left)

    def _received(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            data = read(size) if size else b""
        except OSError as exc:  # the client has reset the connection
            raise self._refused() from exc
        self._left -= len(data)
        if self._awaited:
            seen = self._before + data
            self._before = seen[-len(self._awaited) :]
            if self._awaited in seen:
                self._awaited = b""
            elif not self._left:
                raise self._refused(WITHOUT_END)
        return data

    def _refused(self, message: str = "") -> IncompleteBody:
        self.refusal = IncompleteBody(message)
        return self.refusal


def watch(request: HttpRequest, *, length: int) -> WholeBody:
    """Have the request's body read through a WholeBody, and give that back."""
    boundary = (request.content_params or {}).get("boundary", "")
    is_multipart = (request.content_type or "").startswith("multipart/")
    body = WholeBody(request.META["wsgi.input"], length=length, boundary=boundary if is_multipart and length else "")
    request._stream = body  # type: ignore[assignment]  # any stream will do; it reads from there
    return body


def drain(request: Any) -> None:
    """Read what is left of the body, and drop it. Raises IncompleteBody."""
    while request.read(CHUNK_BYTES):
        pass


def require_whole_form(request: HttpRequest) -> None:
    """Read the body of a form before its view, whatever its type is. Raises IncompleteBody."""
    if request.method not in WITHOUT_BODY:
        _ = request.POST  # read by its type, and kept
        drain(request)


class BodyLengthMiddleware:
    """Refuses a body that no endpoint takes, before a byte is read or stored, and says how long the response's is."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, with a refusal where the headers suffice for one, or where the body turned out to be incomplete."""
        refused = _refused_by_headers(request)
        if refused is not None:
            return refused
        body = watch(request, length=length_of(request))
        response = self.get_response(request)
        if body.refusal:  # whatever was made of the exception further in
            return refusal(400, body.refusal.code, body.refusal.message)
        if isinstance(response, HttpResponse) and "Content-Length" not in response.headers:
            response.headers["Content-Length"] = str(len(response.content))  # else the server would send it in chunks
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        """Refuse what this view takes no body of that length of; before other middleware reads it."""
        return _refused_by_length(request, limit_of(view, request.content_type or ""))


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
    return too_large(limit) if length_of(request) > limit else None
