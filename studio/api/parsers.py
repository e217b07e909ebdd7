"""Parsers of request bodies, content negotiation, and the JSON renderer."""

import codecs
import io
import json
from collections.abc import Iterable
from typing import Any

import orjson
from django.conf import settings
from django.utils.http import parse_header_parameters
from rest_framework import exceptions, metadata, negotiation, parsers, renderers
from rest_framework.request import Request

from studio.api import strict_json
from studio.http import bodies, uploads

EMPTY_FORM_BYTES = 300  # a multipart form without parts has 207 at most: Django accepts boundaries of up to 200 bytes
SEND_JSON = "For JSON, send the header Content-Type: application/json"


class AlwaysJSON(negotiation.BaseContentNegotiation):
    """Ignores `Accept`: a player that asks for video/mp4 must not get a 406 from the download."""

    def select_parser(self, request: Request, parsers: Iterable[parsers.BaseParser]) -> parsers.BaseParser | None:
        """The parser for the body's type. Raises UnsupportedMediaType, which names the missing header."""
        parser = negotiation.DefaultContentNegotiation().select_parser(request, parsers)
        if parser is None:
            bodies.drain(request)  # an incomplete body is refused as such, whatever its type
            sent = f"A body of the type {request.content_type}" if request.content_type else "A body without a type"
            raise exceptions.UnsupportedMediaType(
                request.content_type, detail=f"{sent} is not supported. {SEND_JSON}; or send a form."
            )
        return parser

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class NoMetadata(metadata.BaseMetadata):
    """OPTIONS returns the methods in `Allow`, and no body; the OpenAPI document has the rest."""

    def determine_metadata(self, request: Request, view: Any) -> None:
        return


class JSONRenderer(renderers.JSONRenderer):
    """DRF's JSON, encoded by orjson."""

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        if data is None:
            return b""
        try:
            return orjson.dumps(data, default=str, option=orjson.OPT_NON_STR_KEYS)
        except TypeError:  # a lone surrogate from the request, repeated by an error message
            return json.dumps(data, default=str).encode()


class JSONParser(parsers.BaseParser):
    """A strict parser: it refuses what parsers disagree on, such as duplicate names and NaN.

    It is no subclass of DRF's, for which the request would read the whole body into memory first.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The parsed document. Raises ParseError with the position of the mistake."""
        encoding = (parser_context or {}).get("encoding", settings.DEFAULT_CHARSET)
        with uploads.received(stream) as body:
            try:
                return strict_json.parse(_in_utf8(body.read(), encoding))
            except strict_json.BadJSON as exc:
                raise exceptions.ParseError(f"The body is not valid JSON: {exc}.") from exc


def _in_utf8(text: bytes, encoding: str) -> bytes:
    """The text in UTF-8, as JSON is (RFC 8259, 8.1); a short text may have another encoding, named by Content-Type."""
    if len(text) > bodies.LARGE_BYTES or codecs.lookup(encoding).name == "utf-8":
        return text
    try:
        return text.decode(encoding).encode()
    except (UnicodeError, LookupError) as exc:  # LookupError: Python also knows codecs of bytes, zlib for example
        raise strict_json.BadJSON("it is not in the encoding that Content-Type names") from exc


class FormParser(parsers.FormParser):
    """DRF's, but it refuses JSON: curl and some HTTP clients label every body as a form by default."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        body = stream.read()
        if body.lstrip()[:1] in {b"{", b"["}:  # a form escapes its braces
            raise exceptions.ParseError(f"The body is JSON but was sent as a form. {SEND_JSON}.")
        return super().parse(io.BytesIO(body), media_type, parser_context)


class MultiPartParser(parsers.MultiPartParser):
    """DRF's, but it refuses a body that is no form; Django would return no fields, or wrong ones."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        boundary = parse_header_parameters(media_type or "")[1].get("boundary", "")
        if not boundary:  # usually a header set by hand
            raise exceptions.ParseError(
                "Content-Type: multipart/form-data needs a boundary; let your HTTP client set this header."
            )
        body: Any = _FirstBytes(stream)  # Django only calls `read`
        form = super().parse(body, media_type, parser_context)
        delimiter = f"--{boundary}".encode()
        beginning = body.beginning.strip()
        is_empty = beginning in {b"", delimiter + b"--"}
        is_form = beginning.startswith(delimiter) and bool(form.data or form.files)
        if not is_empty and not is_form:
            raise exceptions.ParseError("Multipart form parse error - the body is not a form with this boundary")
        return form


class _FirstBytes:
    """A stream that keeps the first bytes read from it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.beginning = b""

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._stream.read(size)
        self.beginning += data[: EMPTY_FORM_BYTES - len(self.beginning)]
        return data
