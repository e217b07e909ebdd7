"""A deadline for a whole HTTP exchange, from connecting to the last byte.

A socket's time-out starts again with each byte, so a server that sends one byte a second could hold it for ever.
Within `limit(seconds)`, sockets of this thread wait no longer than the time left, for every byte they receive and for
room to send. `apply_to(manager)` makes urllib3 obey. The clock is monotonic.
"""

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

SEND_BYTES = 64 * 1024  # sent at a time; the deadline is checked before each piece
_local = threading.local()  # `ends_at`: the deadline of the innermost limit, by time.monotonic(); None outside of any


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Set a deadline for the exchanges in the block; an outer limit that ends sooner wins."""
    before = getattr(_local, "ends_at", None)
    ends_at = time.monotonic() + seconds
    _local.ends_at = ends_at if before is None else min(before, ends_at)
    try:
        yield
    finally:
        _local.ends_at = before


def seconds_left(timeout: float | None) -> float | None:
    """Seconds that a socket may wait now: its own time-out or the time left. Raises TimeoutError after the deadline."""
    ends_at = getattr(_local, "ends_at", None)
    if ends_at is None:
        return timeout
    remaining: float = ends_at - time.monotonic()
    if remaining <= 0:
        raise TimeoutError("the time for the whole exchange is over")
    return remaining if timeout is None else min(timeout, remaining)


class _Socket:
    """A connected socket that limits every wait to the time left; everything else is the socket's own."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._timeout: float | None = sock.gettimeout()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def settimeout(self, timeout: float | None) -> None:
        self._timeout = timeout
        self._sock.settimeout(timeout)

    def limit_wait(self) -> None:
        self._sock.settimeout(seconds_left(self._timeout))

    def sendall(self, data: Any) -> None:
        view = memoryview(data).cast("B")
        while view:
            self.limit_wait()
            view = view[self._sock.send(view[:SEND_BYTES]) :]

    def makefile(self, mode: str, *args: Any, **kwargs: Any) -> Any:
        # unbuffered: http.client reads only what has arrived, and closing this closes the socket at the right time
        return io.BufferedReader(_Reader(self, self._sock.makefile(mode, buffering=0)))


class _Reader(io.RawIOBase):
    def __init__(self, sock: _Socket, raw: Any) -> None:
        super().__init__()
        self._sock, self._raw = sock, raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.limit_wait()
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


def apply_to(manager: urllib3.PoolManager) -> urllib3.PoolManager:
    """Make the manager's new connections obey the deadline; returns the manager."""
    pools: dict[str, Any] = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {
        scheme: type(pool.__name__, (pool,), {"ConnectionCls": _CONNECTIONS[scheme]})
        if pool.ConnectionCls in {HTTPConnection, HTTPSConnection}
        else pool  # obeys already, or goes through a SOCKS proxy
        for scheme, pool in pools.items()
    }
    return manager
