"""Sends stored files: whole, in part (`Range`) or only the headers, in bounded memory."""

import re
from collections.abc import Iterator
from typing import TypeVar
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import Storage, default_storage
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header

from studio.http.active_requests import without_slot

CHUNK_BYTES = 64 * 1024
TYPES = {"mp4": "video/mp4", "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
CACHED = "private, max-age=3600"
OUTSIDE = (-1, -1)  # a range that contains no byte of the file
_R = TypeVar("_R", bound=HttpResponseBase)
_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')  # RFC 9110, 8.8.3
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def media(request: HttpRequest, name: str) -> HttpResponseBase:
    """A file of the local storage, for deployments without a storage service.

    `?download=1` makes a link save it, also from another origin, where browsers ignore the attribute `download`.
    """
    response = on_our_disk(request, storage=default_storage, name=name)
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    if request.GET.get("download") in {"1", "true"}:
        saved_as = content_disposition_header(as_attachment=True, filename=name.rpartition("/")[2])
        response["Content-Disposition"] = str(saved_as)
    return response


def on_our_disk(request: HttpRequest, *, storage: Storage, name: str) -> HttpResponse | StreamingHttpResponse:
    """The response with a file of a local folder. Raises Http404 for any other name."""
    content_type = TYPES.get(name.rpartition(".")[2].lower())
    try:
        storage.path(name)  # local files only: a client must not choose the names for a storage service
        if content_type is None or not storage.exists(name):
            raise Http404
        etag = f"{storage.size(name)}-{storage.get_modified_time(name).timestamp()}"
    except (SuspiciousFileOperation, FileNotFoundError, ValueError, NotImplementedError) as exc:
        raise Http404 from exc
    return stored(request, storage=storage, name=name, content_type=content_type, etag=etag)


def stored(
    request: HttpRequest, *, storage: Storage, name: str, content_type: str, etag: str
) -> HttpResponse | StreamingHttpResponse:
    """The response with the stored file: 200, 206, 304 or 416. Raises FileNotFoundError."""
    if settings.X_ACCEL_REDIRECT and is_on_our_disk(storage, name):
        return _by_proxy(storage, name, content_type)
    tag = f'"{etag}"'
    if client_has(request, tag):
        return _with_headers(HttpResponse(status=304), tag, None)
    with without_slot():  # a storage service may be slow
        size = storage.size(name)
    part = _requested_part(request, size, tag)
    if part == OUTSIDE:
        detail = f"The range lies outside the file, which has {size} bytes."
        refusal = JsonResponse({"detail": detail, "code": "range_not_satisfiable"}, status=416)
        refusal["Content-Range"] = f"bytes */{size}"
        return _with_headers(refusal, tag, len(refusal.content))
    first, last = part or (0, size - 1)
    length = last - first + 1
    body = () if request.method == "HEAD" else _chunks(storage, name, first, length)
    response = StreamingHttpResponse(body, content_type=content_type)
    if part:
        response.status_code = 206
        response["Content-Range"] = f"bytes {first}-{last}/{size}"
    return _with_headers(response, tag, length)


def client_has(request: HttpRequest, tag: str) -> bool:
    """Whether `If-None-Match` names this strong tag: a list, compared weakly (RFC 9110, 13.1.2)."""
    tags = request.headers.get("If-None-Match", "").strip()
    return tags == "*" or tag in _ENTITY_TAG.findall(tags)


def is_on_our_disk(storage: Storage, name: str) -> bool:
    """Whether the file is in a local folder, not in a storage service or in another system."""
    try:
        storage.path(name)
    except (NotImplementedError, SuspiciousFileOperation):  # a storage service, or a file of another system
        return False
    return True


def _by_proxy(storage: Storage, name: str, content_type: str) -> HttpResponse:
    """A response that makes nginx send the file itself, with its own ranges and ETag."""
    storage.size(name)  # raises FileNotFoundError; nginx would send a 404 that is not JSON
    response = HttpResponse(content_type=content_type)
    response["X-Accel-Redirect"] = f"{settings.X_ACCEL_REDIRECT}/{quote(name)}"
    response["Cache-Control"] = CACHED
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _with_headers(response: _R, tag: str, length: int | None) -> _R:
    response["ETag"] = tag
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = CACHED
    response["X-Content-Type-Options"] = "nosniff"
    if length is not None:
        response["Content-Length"] = str(length)
    return response


def _requested_part(request: HttpRequest, size: int, tag: str) -> tuple[int, int] | None:
    """First and last byte of a `Range`; None for the whole file, also if it is malformed (RFC 9110, 14.2)."""
    match = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if request.method != "GET" or match is None or request.headers.get("If-Range", tag) != tag:
        return None
    start, end = match[1], match[2]
    if not start:  # the last N bytes
        return _tail(size, end)
    first, last = int(start), min(int(end), size - 1) if end else size - 1
    if end and int(end) < first:
        return None
    return (first, last) if first < size else OUTSIDE


def _tail(size: int, count: str) -> tuple[int, int] | None:
    if not count:
        return None
    return (max(size - int(count), 0), size - 1) if int(count) and size else OUTSIDE


def _chunks(storage: Storage, name: str, first: int, length: int) -> Iterator[bytes]:
    with storage.open(name) as file:
        file.seek(first)
        while length > 0 and (chunk := file.read(min(CHUNK_BYTES, length))):
            length -= len(chunk)
            yield chunk
