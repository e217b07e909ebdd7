"""Reads Google's replies in bounded memory: a film that comes inside a JSON reply goes to a file, or nowhere.

Vertex without a bucket, and Omni always, put the finished video as base64 into the reply to a look. The SDK would hold
it four times over, so its HTTP client is ours, and hands it the reply without the film.
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
from videos.providers.google_deadlines import obey
from videos.providers.google_download import DEADLINE_SECONDS

LONG = 8192  # bytes; longer than any text or URL that we read, shorter than any film
LEFT_OUT = b"AAAA"  # in the place of a longer one: base64, as the SDK decodes it, and no video
MAX_REPLY = 4 * 1024 * 1024  # bytes of a reply, films not counted; the usual one has 500
REPLY_SECONDS = 40  # from its first byte; with the time-outs to that byte (ThinClient) below the lease of a step
CONNECT_SECONDS = 10  # that nobody takes a call is known sooner than that nobody answers it
_TEXT = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)  # of a JSON string, up to its end or a lone backslash
_BASE64 = re.compile(rb"[A-Za-z0-9+/]*+")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


class TooLarge(Exception):
    """There is more than may be kept; the message says how much is allowed."""


class Film:
    """A file that takes the MP4 found in a reply, and tells whether there was one."""

    def __init__(self, file: BinaryIO, *, most_bytes: int) -> None:
        self._file, self._most = file, most_bytes
        self._rest = b""
        self._taking = False
        self.found = False

    def begin(self, text: bytes) -> None:
        """Look at the first characters of a long string: a picture that was sent along is not ours."""
        try:
            self._taking = binascii.a2b_base64(text[:12].translate(_URL_SAFE))[4:8] == b"ftyp"
        except binascii.Error:
            self._taking = False
        if self._taking:
            self.found, self._rest = True, b""
            self._file.seek(0)
            self._file.truncate()

    def write(self, text: bytes) -> None:
        """Take the next characters. Raises TooLarge."""
        if not self._taking:
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
        """The string has ended."""
        if self._taking and len(self._rest) > 1:
            self._put(self._rest + b"=" * (-len(self._rest) % 4))
        self._taking = False

    def _put(self, text: bytes) -> None:
        self._file.write(binascii.a2b_base64(text))
        if self._file.tell() > self._most:
            raise TooLarge(f"a film of more than {self._most} bytes")


class _Thinner:
    """Passes JSON on, with LEFT_OUT in the place of long strings."""

    def __init__(self, film: Film | None) -> None:
        self._film = film
        self._in_string = self._is_long = False
        self._held = bytearray()  # of the string that is being read, while it is short
        self._rest = b""

    def feed(self, chunk: bytes) -> bytes:
        """What is to be kept of the next bytes."""
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
                elif end < len(chunk):  # a backslash, and what it escapes is still to come
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
            if self._film:
                self._film.begin(text)
        if self._film:
            self._film.write(text)

    def _close(self) -> bytes:
        if self._is_long and self._film:
            self._film.end()
        kept = LEFT_OUT if self._is_long else bytes(self._held)
        self._held.clear()
        self._in_string = self._is_long = False
        return kept


def thinned(stream: Iterable[bytes], film: Film | None = None, *, seconds: float = REPLY_SECONDS) -> Iterator[bytes]:
    """A reply without the contents of long strings; `film` takes the one that is a film.

    Raises httpx.HTTPError for one that is too large, or has not ended after so many seconds.
    """
    thinner, kept, deadline = _Thinner(film), 0, time.monotonic() + seconds
    for chunk in stream:
        thin = thinner.feed(chunk)
        kept += len(thin)
        if kept > MAX_REPLY:
            raise httpx.RemoteProtocolError(f"a reply of more than {MAX_REPLY} bytes")
        if time.monotonic() > deadline:  # a time-out of sockets begins again with each byte
            raise httpx.ReadTimeout(f"a reply that has not ended after {seconds} s")
        yield thin


class _ThinStream(httpx.SyncByteStream):
    def __init__(self, stream: Iterable[bytes], film: Film | None) -> None:
        self._stream, self._film = stream, film

    def __iter__(self) -> Iterator[bytes]:
        return thinned(self._stream, self._film, seconds=DEADLINE_SECONDS if self._film else REPLY_SECONDS)

    def close(self) -> None:
        cast("httpx.SyncByteStream", self._stream).close()


@cache
def trusted() -> ssl.SSLContext:
    """Whom to believe; made once, for it takes a third of all the work of a transfer."""
    return httpx.create_ssl_context()


class _ThreadsOwn(httpx.BaseTransport):
    """Connections kept for each thread apart: httpcore searches a pool at every request, here with one in it."""

    def __init__(self) -> None:
        self._own = threading.local()
        self._made: list[httpx.HTTPTransport] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it over the calling thread's connection."""
        transport: httpx.HTTPTransport | None = getattr(self._own, "transport", None)
        if transport is None:
            transport = self._own.transport = httpx.HTTPTransport(verify=trusted())
            obey(transport)
            self._made.append(transport)
        return transport.handle_request(request)

    def close(self) -> None:
        """Give all of them back."""
        for transport in self._made:
            transport.close()


class ThinClient(httpx.Client):
    """What the SDK sends through. No redirects: httpx would send the key along to wherever a reply points."""

    def __init__(self, *, timeout_seconds: float, keeps_connections: bool, film: Film | None = None) -> None:
        # A vendor that does not answer in time has 60 s. Both together stay below the lease of a step (schedule).
        sooner = min(CONNECT_SECONDS, timeout_seconds)
        self._timeouts = httpx.Timeout(timeout_seconds, connect=sooner, pool=sooner)
        self._head_seconds = sooner + timeout_seconds  # to the end of the headers, however they trickle
        self._film = film
        super().__init__(
            timeout=self._timeouts,
            follow_redirects=False,
            verify=trusted(),
            headers={"Accept-Encoding": "identity"},  # what is thinned must not be compressed
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None if keeps_connections else 0),
            # behind a proxy of the environment httpx chooses the connection itself
            transport=_ThreadsOwn() if keeps_connections and not getproxies() else None,
        )
        for transport in (self._transport, *self._mounts.values()):
            obey(transport)

    def send(self, request: httpx.Request, *, stream: bool = False, **kwargs: Any) -> httpx.Response:
        """As httpx does; the body of a reply that is not streamed comes thinned."""
        request.extensions["timeout"] = self._timeouts.as_dict()  # the SDK knows one number only
        if stream:  # who reads the body bounds that
            with deadlines.limit(self._head_seconds):
                return super().send(request, stream=True, **kwargs)
        with deadlines.limit(self._head_seconds + (DEADLINE_SECONDS if self._film else REPLY_SECONDS)):
            return self._thin(super().send(request, stream=True, **kwargs))

    def _thin(self, response: httpx.Response) -> httpx.Response:
        try:
            response.stream = _ThinStream(cast("Iterable[bytes]", response.stream), self._film)
            response.read()
        finally:
            response.close()
        return response
