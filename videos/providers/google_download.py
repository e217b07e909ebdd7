"""Fetches a finished file from Google: in bounded memory and time, and without telling the key to anybody else."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import httpx

from videos.providers.base import ProviderError, Refused, Unreachable
from videos.providers.google_failures import describe, redacted

MAX_REDIRECTS = 5  # Google's own file URL makes one
CHUNK_BYTES = 256 * 1024
DEADLINE_SECONDS = 900  # below the time-out of the RQ job (settings.RQ_QUEUES)
# A file that Google has just made is not everywhere at once; after so many tries, ten minutes in all
# (schedule.TRANSFER_BACKOFF), a 404 is an answer.
MISSING_TRIES = 5
_GOOGLE = (".googleapis.com", ".googleusercontent.com")  # where Google's redirects have been seen to lead
_GONE = {404, 410}
_ERROR_BYTES = 2000  # of an error's body


class Site(Protocol):
    """What a download needs to know about the house that it starts from."""

    base_url: str

    def headers_for(self, url: httpx.URL) -> Mapping[str, str]:
        """What authorises a request to the URL: nothing where it is not this house's."""
        ...


def download(*, http: httpx.Client, site: Site, url: str, destination: Path, most_bytes: int, attempt: int) -> None:
    """Write the file at `url` to `destination`, following Google's redirects.

    Raises Refused for a file that is gone or too large, and Unreachable for what another try may mend.
    """
    deadline = time.monotonic() + DEADLINE_SECONDS
    try:
        here = httpx.URL(url)
        for _ in range(MAX_REDIRECTS + 1):
            _check_host(here, site)
            with http.stream("GET", here, headers=dict(site.headers_for(here))) as response:
                if response.status_code == httpx.codes.OK:
                    _save(response, destination, most_bytes, lambda: time.monotonic() < deadline)
                    return
                if not response.has_redirect_location:
                    raise _failure(response, attempt)
                here = here.join(response.headers["Location"])
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        # Among them "peer closed connection …": fewer bytes than announced.
        raise Unreachable(f"download: {describe(exc)}") from exc
    raise Unreachable("download: too many redirects")


def _save(response: httpx.Response, destination: Path, most_bytes: int, in_time: Callable[[], bool]) -> None:
    written = 0
    if int(response.headers.get("Content-Length") or 0) > most_bytes:
        raise Refused(f"download: more than {most_bytes} bytes", code="invalid_video")
    with destination.open("wb") as file:
        for chunk in response.iter_bytes(CHUNK_BYTES):
            written += file.write(chunk)
            if written > most_bytes:
                raise Refused(f"download: more than {most_bytes} bytes", code="invalid_video")
            if not in_time():
                raise Unreachable(f"download: not done after {DEADLINE_SECONDS} s")


def _check_host(url: httpx.URL, site: Site) -> None:
    """Whatever a reply or a redirect says, we only go where Google keeps files."""
    at_google = url.scheme == "https" and url.host.endswith(_GOOGLE)
    if not (at_google or is_same_origin(url, httpx.URL(site.base_url))):
        raise Unreachable(f"download: led to {url.scheme}://{url.host}, which is not Google's")


def is_same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    """Whether both are of one server, so that what one may know the other may, too."""
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


def _failure(response: httpx.Response, attempt: int) -> ProviderError:
    text = next(response.iter_bytes(_ERROR_BYTES), b"").decode(errors="replace")
    message = redacted(f"download: {response.status_code} {text}")
    if response.status_code in _GONE and attempt >= MISSING_TRIES:
        return Refused(message, code="result_expired")
    # 403, too: Google says it of a file that it no longer has, but also of a key that was exchanged, which can be
    # mended. The engine gives up when Google has surely deleted the file.
    return Unreachable(message)
