"""The HTTP client under Google's SDK: reads responses in bounded memory and time.

Vertex without a bucket, and Omni always, return the finished video as base64 inside the JSON response to a poll. The
SDK would hold it four times over, so this client removes it from the response, and writes it to a file if asked to.
"""

import binascii
import re
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, BinaryIO, cast
from urllib.request import getproxies

import httpx

from studio import deadlines
from videos.providers.google_deadlines import check_deadline
from videos.providers.google_download import DEADLINE_SECONDS

LONG = 8192  # bytes; longer than any text or URL that we read, shorter than any video
PLACEHOLDER = b"AAAA"  # replaces a longer string: valid base64, because the SDK decodes it
MAX_BYTES = 4 * 1024 * 1024  # of a response without its long strings; the usual one has 500
BODY_SECONDS = 40  # from the first byte; with the time-outs before it (BoundedClient) below the lease of a phase
CONNECT_SECONDS = 10  # a refused connection shows sooner than a missing response
_TEXT = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)  # of a JSON string, up to its end or a lone backslash
_BASE64 = re.compile(rb"[A-Za-z0-9+/]*+")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


class TooLarge(Exception):
    """The video is larger than allowed; the message says how large it may be."""


class InlineVideo:
    """Decodes the MP4 inside a JSON response into a file; `found` says whether there was one."""

    def __init__(self, file: BinaryIO, *, most_bytes: int) -> None:
        self._file, self._most = file, most_bytes
        self._rest = b""
        self._is_video = False
        self.found = False

    def begin(self, text: bytes) -> None:
        """Start a long string; only an MP4 is kept, not an image that Google sends back."""
        try:
            self._is_video = binascii.a2b_base64(text[:12].translate(_URL_SAFE))[4:8] == b"ftyp"
        except binascii.Error:
            self._is_video = False
        if self._is_video:
            self.found, self._rest = True, b""
            self._file.seek(0)
            self._file.truncate()

    def write(self, text: bytes) -> None:
        """Decode the next characters. Raises TooLarge."""
        if not self._is_video:
            return
        text = text.replace(b"\\/", b"/").translate(_URL_SAFE)
        good = cast("re.Match[bytes]", _BASE64.match(text)).group()  # padding, perhaps escaped, ends it
        self._rest += good
        whole = len(self._rest) // 4 * 4
        self._put(self._rest[:whole])
        self._rest = self._rest[whole:]
        if len(good) < len(text):
            self.end()

    def end(self) -> None:
        """Decode the rest at the end of the string. Raises TooLarge."""
        if self._is_video and len(self._rest) > 1:
            self._put(self._rest + b"=" * (-len(self._rest) % 4))
        self._is_video = False

    def _put(self, text: bytes) -> None:
        self._file.write(binascii.a2b_base64(text))
        if self._file.tell() > self._most:
            raise TooLarge(f"a video of more than {self._most} bytes")


class _Stripper:
    """Replaces long strings in JSON by PLACEHOLDER."""

    def __init__(self, video: InlineVideo | None) -> None:
        self._video = video
        self._in_string = self._is_long = False
        self._held = bytearray()  # the current string, while it is short
        self._rest = b""

    def feed(self, chunk: bytes) -> bytes:
        """The next bytes without long strings."""
        chunk, self._rest = self._rest + chunk, b""
        kept = bytearray()
        at = 0
        while at < len(chunk):
            if not self._in_string:
                quote = chunk.find(b'"', at)
                end = len(chunk) if quote < 0 else quote + 1
                self._in_string = quote >= 0
                kept += chunk[at:end]
            else:
                text = cast("re.Match[bytes]", _TEXT.match(chunk, at))
                self._take(text.group())
                end = text.end()
                if chunk[end : end + 1] == b'"':
                    kept += self._close() + b'"'
                    end += 1
                elif end < len(chunk):  # a backslash, whose escaped character is in the next chunk
                    self._rest = chunk[end:]
                    break
            at = end
        return bytes(kept)

    def _take(self, text: bytes) -> None:
        if not self._is_long:
            self._held += text
            if len(self._held) <= LONG:
                return
            self._is_long = True
            text = bytes(self._held)
            self._held.clear()
            if self._video:
                self._video.begin(text)
        if self._video:
            self._video.write(text)

    def _close(self) -> bytes:
        if self._is_long and self._video:
            self._video.end()
        kept = PLACEHOLDER if self._is_long else bytes(self._held)
        self._held.clear()
        self._in_string = self._is_long = False
        return kept


def stripped(
    stream: Iterable[bytes], video: InlineVideo | None = None, *, seconds: float = BODY_SECONDS
) -> Iterator[bytes]:
    """A JSON response without long strings; `video` gets the video among them.

    Raises httpx.HTTPError if the rest is too large, or the response does not end within `seconds`.
    """
    stripper, kept, deadline = _Stripper(video), 0, time.monotonic() + seconds
    for chunk in stream:
        short = stripper.feed(chunk)
        kept += len(short)
        if kept > MAX_BYTES:
            raise httpx.RemoteProtocolError(f"a response of more than {MAX_BYTES} bytes")
        if time.monotonic() > deadline:  # a socket's time-out restarts with each byte
            raise httpx.ReadTimeout(f"a response that has not ended after {seconds} s")
        yield short


class _StrippedStream(httpx.SyncByteStream):
    def __init__(self, stream: Iterable[bytes], video: InlineVideo | None) -> None:
        self._stream, self._video = stream, video

    def __iter__(self) -> Iterator[bytes]:
        return stripped(self._stream, self._video, seconds=DEADLINE_SECONDS if self._video else BODY_SECONDS)

    def close(self) -> None:
        cast("httpx.SyncByteStream", self._stream).close()


@cache
def tls_context() -> ssl.SSLContext:
    """The trusted certificates; built once, because that takes a third of a transfer's CPU time."""
    return httpx.create_ssl_context()


class _TransportPerThread(httpx.BaseTransport):
    """Keeps one connection per thread: httpcore searches its pool for each request, here a pool of one."""

    def __init__(self) -> None:
        self._own = threading.local()
        self._all: list[httpx.HTTPTransport] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        transport: httpx.HTTPTransport | None = getattr(self._own, "transport", None)
        if transport is None:
            transport = self._own.transport = httpx.HTTPTransport(verify=tls_context())
            check_deadline(transport)
            self._all.append(transport)
        return transport.handle_request(request)

    def close(self) -> None:
        for transport in self._all:
            transport.close()


class BoundedClient(httpx.Client):
    """The client that the SDK sends through. Follows no redirects: httpx would send the key to any target."""

    def __init__(self, *, timeout_seconds: float, keeps_connections: bool, video: InlineVideo | None = None) -> None:
        # `timeout_seconds` is 60 by default. Both together stay below the lease of a phase (schedule).
        connect = min(CONNECT_SECONDS, timeout_seconds)
        self._timeouts = httpx.Timeout(timeout_seconds, connect=connect, pool=connect)
        self._head_seconds = connect + timeout_seconds  # to the end of the headers, even if they trickle in
        self._video = video
        super().__init__(
            timeout=self._timeouts,
            follow_redirects=False,
            verify=tls_context(),
            headers={"Accept-Encoding": "identity"},  # `stripped` reads no compressed JSON
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None if keeps_connections else 0),
            # with a proxy in the environment httpx chooses the transport itself
            transport=_TransportPerThread() if keeps_connections and not getproxies() else None,
        )
        for transport in (self._transport, *self._mounts.values()):
            check_deadline(transport)

    def send(self, request: httpx.Request, *, stream: bool = False, **kwargs: Any) -> httpx.Response:
        """Send like httpx; without `stream`, take long strings out of the body."""
        request.extensions["timeout"] = self._timeouts.as_dict()  # the SDK passes a single number
        if stream:  # the caller limits the time of the body
            with deadlines.limit(self._head_seconds):
                return super().send(request, stream=True, **kwargs)
        with deadlines.limit(self._head_seconds + (DEADLINE_SECONDS if self._video else BODY_SECONDS)):
            return self._read(super().send(request, stream=True, **kwargs))

    def _read(self, response: httpx.Response) -> httpx.Response:
        try:
            response.stream = _StrippedStream(cast("Iterable[bytes]", response.stream), self._video)
            response.read()
        finally:
            response.close()
        return response
