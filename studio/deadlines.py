"""Bounds a whole exchange with another machine by a clock, headers and the last byte included.

A time-out of a socket begins again with each byte, so a server that sends one a second is waited for without end.
Within `limit(seconds)` the sockets of clients that obey wait no longer than what is left, in this thread: for each byte
of status line, headers, chunk sizes and body, and for room to send. The clock is monotonic.
"""

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

SEND_BYTES = 64 * 1024  # at once; each piece looks at the clock
_here = threading.local()  # `ends_at`: of the innermost limit, by time.monotonic(); None outside of one


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Let everything within end after so many seconds; an outer limit that ends sooner counts."""
    before = getattr(_here, "ends_at", None)
    ends_at = time.monotonic() + seconds
    _here.ends_at = ends_at if before is None else min(before, ends_at)
    try:
        yield
    finally:
        _here.ends_at = before


def left(timeout: float | None) -> float | None:
    """How long a socket may wait now: its own time-out, or what is left. Raises TimeoutError when nothing is."""
    ends_at = getattr(_here, "ends_at", None)
    if ends_at is None:
        return timeout
    remaining: float = ends_at - time.monotonic()
    if remaining <= 0:
        raise TimeoutError("the time for the whole exchange is over")
    return remaining if timeout is None else min(timeout, remaining)


class _Socket:
    """A connected socket whose every wait looks at the clock; what is not said here is the socket's own."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._timeout: float | None = sock.gettimeout()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def settimeout(self, timeout: float | None) -> None:
        self._timeout = timeout
        self._sock.settimeout(timeout)

    def sendall(self, data: Any) -> None:
        view = memoryview(data).cast("B")
        while view:
            self._sock.settimeout(left(self._timeout))
            view = view[self._sock.send(view[:SEND_BYTES]) :]

    def makefile(self, mode: str, *args: Any, **kwargs: Any) -> Any:
        # unbuffered: what http.client reads is what has come, and closing it closes the socket when that is due
        return io.BufferedReader(_Reader(self, self._sock.makefile(mode, buffering=0)))


class _Reader(io.RawIOBase):
    def __init__(self, sock: _Socket, raw: Any) -> None:
        super().__init__()
        self._sock, self._raw = sock, raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock._sock.settimeout(left(self._sock._timeout))
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Plain(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock: Any = _Socket(self.sock)


class _Secure(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock: Any = _Socket(self.sock)


_CONNECTIONS = {"http": _Plain, "https": _Secure}


def obeying(manager: urllib3.PoolManager) -> urllib3.PoolManager:
    """The same manager of connections, whose new ones look at the clock."""
    pools: dict[str, Any] = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {
        scheme: type(pool.__name__, (pool,), {"ConnectionCls": _CONNECTIONS[scheme]})
        if pool.ConnectionCls in {HTTPConnection, HTTPSConnection}
        else pool  # they look at the clock already, or go through a SOCKS proxy
        for scheme, pool in pools.items()
    }
    return manager
