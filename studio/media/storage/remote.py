"""Reads files over HTTP, as Cloudinary delivers them: their size, and their bytes from any offset."""

import io
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import certifi
import urllib3
from urllib3.exceptions import HTTPError

from studio import deadlines
from studio.media.storage.base import FileMissing, StorageError, Timeouts
from studio.media.storage.tls_errors import explain

SKIP_BYTES = 64 * 1024
RETRYABLE = frozenset({408, 420, 423, 429})  # and 5xx; 420: rate limit, 423: still processing (SDK 1.46.3, docs/)

# Shared by all threads. It opens no connection before the first request, so it may be built before a fork.
pool = deadlines.apply_to(urllib3.PoolManager(maxsize=16, cert_reqs="CERT_REQUIRED", ca_certs=certifi.where()))


def is_transient(status: int) -> bool:
    """Whether a later request may succeed after this HTTP status."""
    return status in RETRYABLE or status >= 500


def remote_size(url: str, timeouts: Timeouts) -> int:
    """The size of the file at the URL in bytes. Raises FileMissing or StorageError."""
    return timeouts.retry(partial(_size_at, url, timeouts))


class RemoteFile(io.RawIOBase):
    """A file at a URL, read in bounded memory.

    The first read sends the first request; an interrupted read resumes at its offset. Reading raises FileMissing or
    StorageError.
    """

    def __init__(self, url: str, timeouts: Timeouts) -> None:
        super().__init__()
        self._url = url
        self._timeouts = timeouts
        self._position = 0
        self._response: urllib3.BaseHTTPResponse | None = None
        self._waited, self._received = 0.0, 0  # seconds spent in reads, and bytes received

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        """Always True; a seek costs a new request."""
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the offset of the next read. Relative to the end, it costs a request and raises as reading does."""
        origin = {io.SEEK_SET: lambda: 0, io.SEEK_CUR: self.tell, io.SEEK_END: self._size}[whence]()
        if origin + offset < 0:
            raise ValueError(f"negative position {origin + offset}")
        if origin + offset != self._position:
            self._hang_up()
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer, or a part of it; 0 at the end."""
        began = time.monotonic()
        data = self._timeouts.retry(partial(self._read, len(buffer)))
        self._keep_pace(time.monotonic() - began, len(data))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _keep_pace(self, seconds: float, received: int) -> None:
        """Raise StorageError for a trickle. Only the time in reads counts, so the caller may read slowly."""
        self._waited += seconds
        self._received += received
        if self._waited > self._timeouts.total(response=self._timeouts.response, moved=self._received):
            self._hang_up()
            raise StorageError(
                f"the delivery is too slow: {self._received} bytes in {self._waited:.0f} s", retryable=True
            )

    def close(self) -> None:
        self._hang_up()
        super().close()

    def _size(self) -> int:
        return remote_size(self._url, self._timeouts)

    def _read(self, length: int) -> bytes:
        try:
            with deadlines.limit(self._timeouts.total(response=self._timeouts.response, moved=self._position)):
                response = self._response or self._from_here()
                return b"" if response.status == 416 else response.read1(length)
        except HTTPError as exc:
            self._hang_up()
            raise StorageError(
                f"the delivery broke off at byte {self._position}: {explain(exc)}", retryable=True
            ) from exc

    def _from_here(self) -> urllib3.BaseHTTPResponse:
        headers = {"Range": f"bytes={self._position}-"}
        response = _request("GET", self._url, headers, self._timeouts, expected=(200, 206, 416))
        self._response = response
        if response.status == 200:  # the server ignored the range
            left = self._position
            while left and (skipped := response.read1(min(left, SKIP_BYTES))):
                left -= len(skipped)
        elif not response.headers.get("Content-Range", "").startswith((f"bytes {self._position}-", "bytes */")):
            self._hang_up()
            raise StorageError("the delivery sent a range that was not requested", retryable=True)
        return response

    def _hang_up(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None


def _size_at(url: str, timeouts: Timeouts) -> int:
    response = _request("HEAD", url, {}, timeouts)
    response.drain_conn()  # without a body; the connection can be reused
    length = response.headers.get("Content-Length", "")
    if not length.isdecimal():
        raise StorageError("the delivery does not state the file's length", retryable=True)
    return int(length)


def _request(
    method: str, url: str, headers: Mapping[str, str], timeouts: Timeouts, *, expected: tuple[int, ...] = (200,)
) -> urllib3.BaseHTTPResponse:
    """The response with its body unread. Raises FileMissing or StorageError."""
    try:
        with deadlines.limit(timeouts.total(response=timeouts.response)):
            response = pool.request(
                method,
                url,
                headers={"Accept-Encoding": "identity"} | dict(headers),
                timeout=urllib3.Timeout(connect=timeouts.connect, read=timeouts.response),
                preload_content=False,
                redirect=False,  # a redirect could lead to another host
                retries=False,
            )
    except HTTPError as exc:
        raise StorageError(f"no response from the delivery: {explain(exc)}", retryable=True) from exc
    if response.status in expected:
        return response
    response.close()
    reason = f"{response.status}: {response.headers.get('X-Cld-Error', 'no reason stated')}"
    if response.status in {404, 410}:
        raise FileMissing(reason)
    raise StorageError(f"the delivery responded {reason}", retryable=is_transient(response.status))
