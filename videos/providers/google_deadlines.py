"""Makes the HTTP clients for Google obey `studio.deadlines`: httpx for the API and files, requests for signing in."""

from collections.abc import Iterable
from typing import Any

import httpcore
import httpx
import requests
from requests.adapters import HTTPAdapter

from studio import deadlines


class _Stream(httpcore.NetworkStream):
    """A connection of httpcore's that looks at the clock before each call of the system."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left_of(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for at in range(0, len(buffer), deadlines.SEND_BYTES):
            self._stream.write(buffer[at : at + deadlines.SEND_BYTES], _left_of(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        seconds = _left_of(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, seconds))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """What makes httpcore's connections."""

    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        seconds = _left_of(timeout, httpcore.ConnectTimeout)
        return _Stream(self._backend.connect_tcp(host, port, seconds, local_address, socket_options))


def _left_of(timeout: float | None, late: type[httpcore.TimeoutException]) -> float | None:
    try:
        return deadlines.left(timeout)
    except TimeoutError as exc:
        raise late(str(exc)) from exc


def obey(transport: httpx.BaseTransport | None) -> None:
    """Have the connections of httpx's own transport look at the clock; of another one, nothing is changed."""
    if isinstance(transport, httpx.HTTPTransport):
        # httpx 0.28 hands no network backend on to httpcore, which takes one (tests/videos/providers/test_deadlines.py)
        transport._pool._network_backend = _Backend()  # noqa: SLF001 - see above


class ObeyingAdapter(HTTPAdapter):
    """For a session of requests: its connections, also those to a proxy, look at the clock."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As requests does, which calls this for every adapter."""
        super().init_poolmanager(*args, **kwargs)  # type: ignore[no-untyped-call]  # the stubs say nothing
        deadlines.obeying(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        """The same for a proxy of the environment."""
        return deadlines.obeying(super().proxy_manager_for(proxy, **kwargs))  # type: ignore[no-untyped-call]  # as above


def session() -> requests.Session:
    """One of requests, whose connections look at the clock."""
    made = requests.Session()
    for prefix in ("http://", "https://"):
        made.mount(prefix, ObeyingAdapter())
    return made
