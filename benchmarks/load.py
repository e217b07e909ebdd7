"""The clients: a few connections, kept alive, that send prepared bytes and read responses; cheap enough not to matter.

One thread drives all connections. It reads responses with a Content-Length, as gunicorn sends them here.
"""

import json
import selectors
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

PATIENCE_SECONDS = 60  # for one response
CHUNK = 256 * 1024


class UnexpectedResponse(Exception):
    """The server sent another response than expected: the measurement is worthless."""


@dataclass(frozen=True)
class Shot:
    """One request as bytes, and the expected status."""

    data: bytes
    status: int = 200
    kind: str = ""


@dataclass
class Volley:
    """The outcome of many shots; times in seconds."""

    seconds: float = 0
    latencies: list[float] = field(default_factory=list)
    by_kind: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    client_cpu: float = 0

    @property
    def count(self) -> int:
        """The number of responses."""
        return len(self.latencies)


def shot(
    method: str, path: str, *, token: str, body: bytes = b"", content_type: str = "", status: int = 200, kind: str = ""
) -> Shot:
    """Put a request into bytes."""
    head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}", "Accept: */*"]
    if content_type:
        head.append(f"Content-Type: {content_type}")
    if body or method in {"POST", "PATCH"}:
        head.append(f"Content-Length: {len(body)}")
    return Shot("\r\n".join([*head, "", ""]).encode() + body, status, kind)


def form(fields: dict[str, str]) -> tuple[bytes, str]:
    """A multipart body and its type."""
    mark = "bench-4f1c0d"
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return ("".join(parts) + f"--{mark}--\r\n").encode(), f"multipart/form-data; boundary={mark}"


class _Client:
    """One connection and what it waits for."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.socket: socket.socket | None = None
        self.shot: Shot | None = None

    def send(self, one: Shot) -> None:
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE_SECONDS)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.shot, self.head, self.missing, self.status = one, b"", -1, 0
        self.began_at = time.perf_counter()
        self.socket.sendall(one.data)

    def take(self) -> bool:
        """Read the available bytes; True once the response is complete. Raises OSError."""
        assert self.socket
        data = self.socket.recv(CHUNK)
        if not data:
            raise ConnectionError("closed before the response was complete")
        if self.missing < 0:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return False
            data = self.head[end + 4 :]
            self.head = self.head[:end]
            self._read_head()
        self.missing -= len(data)
        return self.missing <= 0

    def _read_head(self) -> None:
        lines = self.head.split(b"\r\n")
        self.status = int(lines[0].split()[1])
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        if self.status == 204:
            headers[b"content-length"] = b"0"
        if b"content-length" not in headers:
            raise ConnectionError(f"a response without a length: {lines[0]!r}")
        self.missing = int(headers[b"content-length"])
        self.is_last = headers.get(b"connection", b"").lower() == b"close"

    def rest(self) -> None:
        if self.socket and (self.is_last or self.missing):
            self.close()

    def close(self) -> None:
        if self.socket:
            self.socket.close()
            self.socket = None


def fire(shots: Iterable[Shot], *, port: int, clients: int, seconds: float = 0, tolerant: bool = False) -> Volley:
    """Send shots from all clients until none is left or the time is over. Raises UnexpectedResponse unless tolerant."""
    volley, waiting = Volley(), iter(shots)
    cpu, began_at = time.process_time(), time.perf_counter()
    ends_at = began_at + seconds if seconds else float("inf")
    with selectors.DefaultSelector() as selector:
        crew = [_Client(port) for _ in range(clients)]
        for client in crew:
            _next(client, waiting, selector, volley)
        while selector.get_map():
            events = selector.select(timeout=PATIENCE_SECONDS)
            if not events:
                volley.errors.append("no response within a minute")
                break
            for key, _ in events:
                _serve(key.data, waiting, selector, volley, time.perf_counter() < ends_at)
            if volley.errors and not tolerant:
                break
        for client in crew:
            client.close()
    volley.seconds, volley.client_cpu = time.perf_counter() - began_at, time.process_time() - cpu
    if volley.errors and not tolerant:
        raise UnexpectedResponse(volley.errors[0])
    return volley


def _next(client: _Client, waiting: Iterator[Shot], selector: selectors.BaseSelector, volley: Volley) -> None:
    """Give the client its next request, if one is left; a client that cannot send stops."""
    one = next(waiting, None)
    if one is None:
        return
    try:
        client.send(one)
    except OSError as exc:
        volley.errors.append(f"{one.kind or one.data[:60]!r}: {exc}")
        client.close()
        return
    assert client.socket
    selector.register(client.socket, selectors.EVENT_READ, client)


def _serve(
    client: _Client, waiting: Iterator[Shot], selector: selectors.BaseSelector, volley: Volley, may_continue: bool
) -> None:
    assert client.shot
    assert client.socket
    try:
        if not client.take():
            return
    except OSError as exc:
        volley.errors.append(f"{client.shot.kind or client.shot.data[:60]!r}: {exc}")
        selector.unregister(client.socket)
        client.close()
    else:
        taken = time.perf_counter() - client.began_at
        volley.latencies.append(taken)
        volley.by_kind.setdefault(client.shot.kind, []).append(taken)
        if client.status != client.shot.status:
            volley.errors.append(f"{client.status} instead of {client.shot.status} to {client.shot.data[:80]!r}")
        selector.unregister(client.socket)
        client.rest()
    if may_continue:
        _next(client, waiting, selector, volley)


def ask(one: Shot, *, port: int) -> tuple[int, dict[str, str], bytes]:
    """Send one request; returns status, headers and body."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(one.data.replace(b"\r\nAccept:", b"\r\nConnection: close\r\nAccept:", 1))
        data = b"".join(iter(lambda: connection.recv(CHUNK), b""))
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(first.split()[1]), headers, body


def ask_json(one: Shot, *, port: int) -> Any:
    """The JSON body of a response. Raises UnexpectedResponse for another status than expected."""
    status, _, body = ask(one, port=port)
    if status != one.status:
        raise UnexpectedResponse(f"{status} instead of {one.status}: {body[:300]!r}")
    return json.loads(body)


def dribble(one: Shot, *, port: int, bytes_a_second: float, until: Callable[[], bool]) -> int:
    """Read a response at this rate; returns the number of bytes received."""
    got = 0
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)  # else the kernel reads ahead of us
        connection.settimeout(PATIENCE_SECONDS)
        connection.connect(("127.0.0.1", port))
        connection.sendall(one.data)
        while not until():
            data = connection.recv(max(int(bytes_a_second / 5), 1))
            if not data:
                break
            got += len(data)
            time.sleep(0.2)
    return got
