"""Reads files from the URLs that Cloudinary delivers them at: their size, and their bytes from any place on."""

import io
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import certifi
import urllib3
from urllib3.exceptions import HTTPError

from studio import deadlines
from studio.media.storage.base import FileMissing, Patience, StorageError
from studio.media.storage.trust import in_words

SKIP_BYTES = 64 * 1024
RETRYABLE = frozenset({408, 420, 423, 429})  # and 5xx; 420: rate limit, 423: still processed (SDK 1.46.3, docs/)

# One for all threads of a process. It opens nothing before the first request, so it may be made before a fork.
pool = deadlines.obeying(urllib3.PoolManager(maxsize=16, cert_reqs="CERT_REQUIRED", ca_certs=certifi.where()))


def is_passing(status: int) -> bool:
    """Whether an answer with this HTTP status says nothing about the next one."""
    return status in RETRYABLE or status >= 500


def size_at(url: str, patience: Patience) -> int:
    """The length of the file at the URL, in bytes. Raises FileMissing or StorageError."""
    return patience.attempt(partial(_size_at, url, patience))


class DeliveredFile(io.RawIOBase):
    """The file at a URL.

    Nothing is asked for before the first read, and little is held; a read that breaks off is taken up where it ended.
    Reading raises FileMissing or StorageError.
    """

    def __init__(self, url: str, patience: Patience) -> None:
        super().__init__()
        self._url = url
        self._patience = patience
        self._position = 0
        self._response: urllib3.BaseHTTPResponse | None = None
        self._waited, self._received = 0.0, 0  # seconds for the delivery, and bytes that came of it

    def readable(self) -> bool:
        """It is all that it is for."""
        return True

    def seekable(self) -> bool:
        """At the price of a new request."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go elsewhere. Relative to the end it costs a request, and raises as reading does."""
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
        data = self._patience.attempt(partial(self._read, len(buffer)))
        self._keep_pace(time.monotonic() - began, len(data))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _keep_pace(self, seconds: float, received: int) -> None:
        """Raise StorageError for a trickle. Only what was waited for counts: who reads slowly may do so."""
        self._waited += seconds
        self._received += received
        if self._waited > self._patience.whole(answer=self._patience.answer, moved=self._received):
            self._hang_up()
            raise StorageError(
                f"the delivery is too slow: {self._received} bytes in {self._waited:.0f} s", retryable=True
            )

    def close(self) -> None:
        """Give the connection back, or up."""
        self._hang_up()
        super().close()

    def _size(self) -> int:
        return size_at(self._url, self._patience)

    def _read(self, length: int) -> bytes:
        try:
            with deadlines.limit(self._patience.whole(answer=self._patience.answer, moved=self._position)):
                response = self._response or self._from_here()
                return b"" if response.status == 416 else response.read1(length)
        except HTTPError as exc:
            self._hang_up()
            raise StorageError(
                f"the delivery broke off at byte {self._position}: {in_words(exc)}", retryable=True
            ) from exc

    def _from_here(self) -> urllib3.BaseHTTPResponse:
        wanted = {"Range": f"bytes={self._position}-"}
        response = _request("GET", self._url, wanted, self._patience, expected=(200, 206, 416))
        self._response = response
        if response.status == 200:  # the whole file: ranges are a courtesy
            left = self._position
            while left and (skipped := response.read1(min(left, SKIP_BYTES))):
                left -= len(skipped)
        elif not response.headers.get("Content-Range", "").startswith((f"bytes {self._position}-", "bytes */")):
            self._hang_up()
            raise StorageError("the delivery sent another range than asked for", retryable=True)
        return response

    def _hang_up(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None


def _size_at(url: str, patience: Patience) -> int:
    response = _request("HEAD", url, {}, patience)
    response.drain_conn()  # there is no body; the connection can be used again
    length = response.headers.get("Content-Length", "")
    if not length.isdecimal():
        raise StorageError("the delivery does not tell the file's length", retryable=True)
    return int(length)


def _request(
    method: str, url: str, headers: Mapping[str, str], patience: Patience, *, expected: tuple[int, ...] = (200,)
) -> urllib3.BaseHTTPResponse:
    """The answer, its body still to be read. Raises FileMissing or StorageError."""
    try:
        with deadlines.limit(patience.whole(answer=patience.answer)):
            response = pool.request(
                method,
                url,
                headers={"Accept-Encoding": "identity"} | dict(headers),
                timeout=urllib3.Timeout(connect=patience.connect, read=patience.answer),
                preload_content=False,
                redirect=False,  # a file is at its URL, or nowhere
                retries=False,
            )
    except HTTPError as exc:
        raise StorageError(f"no answer from the delivery: {in_words(exc)}", retryable=True) from exc
    if response.status in expected:
        return response
    response.close()
    reason = f"{response.status}: {response.headers.get('X-Cld-Error', 'no reason given')}"
    if response.status in {404, 410}:
        raise FileMissing(reason)
    raise StorageError(f"the delivery answered {reason}", retryable=is_passing(response.status))
