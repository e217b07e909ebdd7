"""Downloads a finished file from Google in bounded memory and time, and sends our key to no other host.

Files on the backend's own host are requested from `base_url`, which may be a gateway, also after a redirect.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import httpx

from studio import deadlines
from videos.providers.base import ProviderError, Refused, Unreachable
from videos.providers.google_failures import describe, redacted

STORAGE_URL = "https://storage.googleapis.com"
MAX_REDIRECTS = 5  # Google's own file URL redirects once
CHUNK_BYTES = 256 * 1024
DEADLINE_SECONDS = 900  # from the request to the last byte; below the time-out of the RQ job (settings.RQ_QUEUES)
CHECK_SECONDS, CHECK_BYTES = 20, 64  # for the first bytes only: a member of staff waits for the result
# A new file is not on all of Google's servers at once. After this many tries, ten minutes in all
# (schedule.TRANSFER_BACKOFF), a 404 is final. So is a response without a video, or a redirect away from Google: a
# gateway may send either for a while.
MISSING_TRIES = 5
_GOOGLE = (".googleapis.com", ".googleusercontent.com")  # the observed targets of Google's redirects
_GONE = {404, 410}
_DENIED = {401, 403}
_ERROR_BYTES = 2000  # of an error's body
# URLs that return metadata as JSON unless they say alt=media: in the Gemini API and in Cloud Storage's JSON API
_METADATA = re.compile(r"/v\d\w*/files/[^/:]+(?P<verb>:download)?$|/storage/v\d\w*/b/[^/]+/o/(?P<object>[^/]+)$")
_TEXT = (b"{", b"[", b"<")  # how JSON, HTML and XML begin; an MP4 begins with the length of its first box


class Backend(Protocol):
    """What a download needs to know about the backend that has the file."""

    own_url: str  # Google's own host for the backend's files
    base_url: str  # the host to request instead, such as a gateway

    def headers_for(self, url: httpx.URL) -> Mapping[str, str]:
        """The headers that authorise a request to the URL; empty for any other host."""
        ...


def download(
    *, http: httpx.Client, backend: Backend, url: str, destination: Path, most_bytes: int, missing: int
) -> None:
    """Write the file at `url`, https:// or gs://, to `destination`, following Google's redirects.

    Raises Refused for a file that is gone, too large, not a video or not at Google, and Unreachable for a failure that
    may pass.
    """
    with deadlines.limit(DEADLINE_SECONDS), _open(http=http, backend=backend, url=url, missing=missing) as response:
        _save(response, destination, most_bytes, missing)


def check(*, http: httpx.Client, backend: Backend, url: str) -> None:
    """Check that the file at `url` exists and begins as a video does. Raises Refused if not, or Unreachable."""
    with (
        deadlines.limit(CHECK_SECONDS),
        _open(http=http, backend=backend, url=url, missing=MISSING_TRIES) as response,
    ):
        _first_of(response, MISSING_TRIES, size=CHECK_BYTES)


@contextmanager
def _open(*, http: httpx.Client, backend: Backend, url: str, missing: int) -> Iterator[httpx.Response]:
    """The response with the file, after Google's redirects. Raises ProviderError."""
    try:
        here = httpx.URL(_over_http(url))
        for redirects in range(MAX_REDIRECTS + 1):
            here = _via_base_url(_content_of(here), backend)
            # a foreign URL from the provider itself will not change, so it is final at once
            _check_host(here, backend, missing if redirects else MISSING_TRIES)
            with http.stream("GET", here, headers=dict(backend.headers_for(here))) as response:
                if response.status_code == httpx.codes.OK:
                    yield response
                    return
                if not response.has_redirect_location:
                    raise _failure(response, missing)
                here = here.join(response.headers["Location"])
    except httpx.InvalidURL as exc:
        raise missing_result(f"download: {describe(exc)}", code="result_unreadable", missing=missing) from exc
    except httpx.HTTPError as exc:
        # including "peer closed connection …": fewer bytes than announced
        raise Unreachable(f"download: {describe(exc)}") from exc
    raise Unreachable("download: too many redirects")


def _over_http(url: str) -> str:
    """The URL over HTTP: Cloud Storage's JSON API for gs://bucket/name."""
    if not url.startswith("gs://"):
        return url
    bucket, _, name = url.removeprefix("gs://").partition("/")
    return f"{STORAGE_URL}/storage/v1/b/{bucket}/o/{quote(name, safe='')}"


def _content_of(url: httpx.URL) -> httpx.URL:
    """The URL of the content where `url` returns the file's metadata; for files/X, that is files/X:download."""
    path, _, query = url.raw_path.partition(b"?")
    metadata = _METADATA.search(path.decode())
    if not metadata or url.params.get("alt") == "media":
        return url
    if not (metadata["verb"] or metadata["object"]):  # as Google's own SDK downloads it
        url = url.copy_with(raw_path=path + b":download" + (b"?" + query if query else b""))
    return url.copy_set_param("alt", "media")


def _via_base_url(url: httpx.URL, backend: Backend) -> httpx.URL:
    """The URL at `base_url`, which may have a path of its own, if it points to the backend's own host."""
    base, own = httpx.URL(backend.base_url), httpx.URL(backend.own_url)
    return base.copy_with(raw_path=base.raw_path.rstrip(b"/") + url.raw_path) if is_same_origin(url, own) else url


def _check_host(url: httpx.URL, backend: Backend, missing: int) -> None:
    """Raise ProviderError for a URL outside Google, whatever a response or a redirect says."""
    at_google = url.scheme == "https" and url.host.endswith(_GOOGLE)
    if not (at_google or is_same_origin(url, httpx.URL(backend.base_url))):
        message = f"download: led to {url.scheme}://{url.host}, which is not Google's"
        raise missing_result(message, code="result_unreadable", missing=missing)


def is_same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    """Whether scheme, host and port are the same, so that the key may be sent to both."""
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


def _save(response: httpx.Response, destination: Path, most_bytes: int, missing: int) -> None:
    written = 0
    if int(response.headers.get("Content-Length") or 0) > most_bytes:
        raise Refused(f"download: more than {most_bytes} bytes", code="invalid_video")
    first, chunks = _first_of(response, missing, size=CHUNK_BYTES)
    with destination.open("wb") as file:
        for chunk in chain([first], chunks):
            written += file.write(chunk)
            if written > most_bytes:
                raise Refused(f"download: more than {most_bytes} bytes", code="invalid_video")


def _first_of(response: httpx.Response, missing: int, *, size: int) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes of a video, and the rest of it. Raises Refused or Unreachable for text."""
    chunks = response.iter_bytes(size)
    first = next(chunks, b"")
    if first.lstrip().startswith(_TEXT):  # not by Content-Type: Cloud Storage repeats the one of the upload
        text = first[:_ERROR_BYTES].decode(errors="replace")
        raise missing_result(redacted(f"download: no video: {text}"), code="result_unreadable", missing=missing)
    return first, chunks


def _failure(response: httpx.Response, missing: int) -> ProviderError:
    text = next(response.iter_bytes(_ERROR_BYTES), b"").decode(errors="replace")
    message = redacted(f"download: {response.status_code} {text}")
    if response.status_code in _GONE:
        return missing_result(message, code="result_expired", missing=missing)
    # Google sends 403 for a file that it has deleted, but also for a replaced key, which staff can correct. The engine
    # gives up once Google has certainly deleted the file.
    return Unreachable(message, is_denied=response.status_code in _DENIED)


def missing_result(message: str, *, code: str, missing: int) -> ProviderError:
    """Unreachable for the first MISSING_TRIES tries without a video, then Refused, which ends the job."""
    if missing >= MISSING_TRIES:
        return Refused(message, code=code)
    return Unreachable(message, code=code, is_missing=True)
