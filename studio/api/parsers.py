"""Which request bodies the API parses, and how; its responses are always JSON."""

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
        self.beginning += data[: EMPTY_FORM_BYTES - len(self.beginning)]
        return data
