"""Applies `studio.deadlines` to the HTTP clients for Google: httpx for the API and files, requests for signing in."""

from collections.abc import Iterable
from typing import Any

import httpcore
import httpx
import requests
from requests.adapters import HTTPAdapter

from studio import deadlines


class _Stream(httpcore.NetworkStream):
    """An httpcore connection that checks the deadline before each system call."""

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


class _NetworkBackend(httpcore.NetworkBackend):
    """Opens httpcore's connections as `_Stream`."""

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
        return deadlines.seconds_left(timeout)
    except TimeoutError as exc:
        raise late(str(exc)) from exc


def check_deadline(transport: httpx.BaseTransport | None) -> None:
    """Make the connections of an httpx.HTTPTransport check the deadline; leave other transports unchanged."""
    if isinstance(transport, httpx.HTTPTransport):
        # httpcore accepts a network backend, but httpx 0.28 has no parameter for it
        transport._pool._network_backend = _NetworkBackend()  # noqa: SLF001 - see above


class DeadlineAdapter(HTTPAdapter):
    """Makes the connections of a requests session check the deadline, also those to a proxy."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)  # type: ignore[no-untyped-call]  # the stubs say nothing
        deadlines.apply_to(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        return deadlines.apply_to(super().proxy_manager_for(proxy, **kwargs))  # type: ignore[no-untyped-call]  # as above


def session() -> requests.Session:
    """A requests session whose connections check the deadline."""
    made = requests.Session()
    for prefix in ("http://", "https://"):
        made.mount(prefix, DeadlineAdapter())
    return made
