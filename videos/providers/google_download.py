"""Fetches a finished file from Google: in bounded memory and time, and without telling the key to anybody else.

What Google keeps on the house's own host is asked of `base_url`, which may be a gateway; redirects to there, too.
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
MAX_REDIRECTS = 5  # Google's own file URL makes one
CHUNK_BYTES = 256 * 1024
DEADLINE_SECONDS = 900  # from the request to the last byte; below the time-out of the RQ job (settings.RQ_QUEUES)
CHECK_SECONDS, CHECK_BYTES = 20, 64  # for the first bytes alone: a person waits for the answer
# A file that Google has just made is not everywhere at once; after so many tries, ten minutes in all
# (schedule.TRANSFER_BACKOFF), a 404 is an answer. So is a response that is no video, or a redirect that leaves Google:
# a gateway may send either for a while.
MISSING_TRIES = 5
_GOOGLE = (".googleapis.com", ".googleusercontent.com")  # where Google's redirects have been seen to lead
_GONE = {404, 410}
_DENIED = {401, 403}
_ERROR_BYTES = 2000  # of an error's body
# URLs that give metadata as JSON, unless they say alt=media: in the Gemini API, and in Cloud Storage's JSON API
_METADATA = re.compile(r"/v\d\w*/files/[^/:]+(?P<verb>:download)?$|/storage/v\d\w*/b/[^/]+/o/(?P<object>[^/]+)$")
_TEXT = (b"{", b"[", b"<")  # how JSON, HTML and XML begin; an MP4 begins with the length of its first box


class Site(Protocol):
    """What a download needs to know about the house that it starts from."""

    own_url: str  # Google's own host, for the house's files
    base_url: str  # what is asked in its place

    def headers_for(self, url: httpx.URL) -> Mapping[str, str]:
        """What authorises a request to the URL: nothing where it is not this house's."""
        ...


def download(*, http: httpx.Client, site: Site, url: str, destination: Path, most_bytes: int, missing: int) -> None:
    """Write the file at `url`, https:// or gs://, to `destination`, following Google's redirects.

    Raises Refused for a file that is gone, too large or no video, or that is not at Google, and Unreachable for what
    another try may mend.
    """
    with deadlines.limit(DEADLINE_SECONDS), _found(http=http, site=site, url=url, missing=missing) as response:
        _save(response, destination, most_bytes, missing)


def check(*, http: httpx.Client, site: Site, url: str) -> None:
    """Ask whether the file at `url` is there, and begins as a video does. Raises Refused when not, and Unreachable."""
    with deadlines.limit(CHECK_SECONDS), _found(http=http, site=site, url=url, missing=MISSING_TRIES) as response:
        _first_of(response, MISSING_TRIES, size=CHECK_BYTES)


@contextmanager
def _found(*, http: httpx.Client, site: Site, url: str, missing: int) -> Iterator[httpx.Response]:
    """The response that has the file, at the end of Google's redirects. What httpx raises becomes ours."""
    try:
        here = httpx.URL(_over_http(url))
        for redirects in range(MAX_REDIRECTS + 1):
            here = _routed(_content_of(here), site)
            # what the provider itself has named stays as it is
            _check_host(here, site, missing if redirects else MISSING_TRIES)
            with http.stream("GET", here, headers=dict(site.headers_for(here))) as response:
                if response.status_code == httpx.codes.OK:
                    yield response
                    return
                if not response.has_redirect_location:
                    raise _failure(response, missing)
                here = here.join(response.headers["Location"])
    except httpx.InvalidURL as exc:
        raise for_a_while(f"download: {describe(exc)}", code="result_unreadable", missing=missing) from exc
    except httpx.HTTPError as exc:
        # Among them "peer closed connection …": fewer bytes than announced.
        raise Unreachable(f"download: {describe(exc)}") from exc
    raise Unreachable("download: too many redirects")


def _over_http(url: str) -> str:
    """The URL for HTTP; gs://bucket/name is in Cloud Storage's JSON API."""
    if not url.startswith("gs://"):
        return url
    bucket, _, name = url.removeprefix("gs://").partition("/")
    return f"{STORAGE_URL}/storage/v1/b/{bucket}/o/{quote(name, safe='')}"


def _content_of(url: httpx.URL) -> httpx.URL:
    """The URL of the file itself, where `url` gives the file's metadata; of files/X, that is files/X:download."""
    path, _, query = url.raw_path.partition(b"?")
    metadata = _METADATA.search(path.decode())
    if not metadata or url.params.get("alt") == "media":
        return url
    if not (metadata["verb"] or metadata["object"]):  # as Google's own SDK downloads it
        url = url.copy_with(raw_path=path + b":download" + (b"?" + query if query else b""))
    return url.copy_set_param("alt", "media")


def _routed(url: httpx.URL, site: Site) -> httpx.URL:
    """Where to ask for the URL: what is at the house's own host, at `base_url`, which may have a path of its own."""
    base, own = httpx.URL(site.base_url), httpx.URL(site.own_url)
    return base.copy_with(raw_path=base.raw_path.rstrip(b"/") + url.raw_path) if is_same_origin(url, own) else url


def _check_host(url: httpx.URL, site: Site, missing: int) -> None:
    """Whatever a reply or a redirect says, we only go where Google keeps files."""
    at_google = url.scheme == "https" and url.host.endswith(_GOOGLE)
    if not (at_google or is_same_origin(url, httpx.URL(site.base_url))):
        message = f"download: led to {url.scheme}://{url.host}, which is not Google's"
        raise for_a_while(message, code="result_unreadable", missing=missing)


def is_same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    """Whether both are of one server, so that what one may know the other may, too."""
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
    """The first bytes of a video, and the rest of it. Raises Refused and Unreachable for what is plainly no video."""
    chunks = response.iter_bytes(size)
    first = next(chunks, b"")
    if first.lstrip().startswith(_TEXT):  # not the Content-Type: Cloud Storage says the one of the upload
        text = first[:_ERROR_BYTES].decode(errors="replace")
        raise for_a_while(redacted(f"download: no video: {text}"), code="result_unreadable", missing=missing)
    return first, chunks


def _failure(response: httpx.Response, missing: int) -> ProviderError:
    text = next(response.iter_bytes(_ERROR_BYTES), b"").decode(errors="replace")
    message = redacted(f"download: {response.status_code} {text}")
    if response.status_code in _GONE:
        return for_a_while(message, code="result_expired", missing=missing)
    # 403, too: Google says it of a file that it no longer has, but also of a key that was exchanged, which can be
    # mended. The engine gives up when Google has surely deleted the file.
    return Unreachable(message, is_denied=response.status_code in _DENIED)


def for_a_while(message: str, *, code: str, missing: int) -> ProviderError:
    """A failure that may pass, and that ends the job when it hasn't after MISSING_TRIES."""
    if missing >= MISSING_TRIES:
        return Refused(message, code=code)
    return Unreachable(message, code=code, is_missing=True)
