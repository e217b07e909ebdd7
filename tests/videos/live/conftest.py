"""A live process's server in a thread of the test, on the test's database, and a client for its streams."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection, HTTPResponse
from typing import Any, NamedTuple

import pytest

from operations.local.valkey import free_port
from tests.conftest import tokens_of
from videos.live import hub
from videos.live.handler import LiveHandler
from videos.live.server import Server, server

SECONDS = 20  # for what comes at once


class SseEvent(NamedTuple):
    """A block of a stream; `data` is parsed, "" without one."""

    id: int | None
    kind: str
    data: Any


class Stream:
    """One stream."""

    def __init__(self, connection: HTTPConnection, response: HTTPResponse) -> None:
        self.connection, self.response = connection, response
        self.last_id: int | None = None

    def block(self) -> SseEvent:
        """The next block, comments and positions too. Raises EOFError at the end."""
        fields: dict[str, str] = {}
        while True:
            line = self.response.readline().decode()
            if not line:
                raise EOFError
            if line == "\n":
                break
            name, _, value = line.rstrip("\n").partition(":")
            fields[name] = value.strip()
        self.last_id = int(fields["id"]) if "id" in fields else self.last_id
        data = json.loads(fields["data"]) if "data" in fields else ""
        return SseEvent(self.last_id, fields.get("event", ""), data)

    def event(self) -> SseEvent:
        """The next event."""
        while not (found := self.block()).kind:
            pass
        return found

    def events(self, count: int) -> list[tuple[int | None, str]]:
        """The ids and kinds of the next events."""
        return [self.event()[:2] for _ in range(count)]

    def wait_for_end(self) -> None:
        """Read to the end."""
        while True:
            try:
                self.block()
            except EOFError:
                return

    def close(self) -> None:
        self.response.close()
        self.connection.close()


class Live:
    """The server, and what a client needs."""

    def __init__(self, port: int, process: Server) -> None:
        self.port, self.server = port, process
        self.streams: list[Stream] = []

    def request(self, path: str, *, user: Any = None, token: str = "", **headers: str) -> tuple[Any, HTTPResponse]:
        """Send a GET; returns the connection, and the response with its body unread."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        token = tokens_of(user)["access"] if user else token
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request("GET", path, headers=sent | {name.replace("_", "-"): text for name, text in headers.items()})
        return connection, connection.getresponse()

    def get(self, path: str, **options: Any) -> tuple[int, Any, Mapping[str, str]]:
        """Status, JSON and headers of a GET."""
        connection, response = self.request(path, **options)
        body = response.read()
        connection.close()
        return response.status, json.loads(body) if body else None, dict(response.headers)

    def stream(self, path: str = "/api/v1/video-jobs/events", **options: Any) -> Stream:
        """Open a stream, and read its first block."""
        connection, response = self.request(path, **options)
        assert response.status == 200, response.read()
        stream = Stream(connection, response)
        self.streams.append(stream)
        stream.block()
        return stream


@pytest.fixture
def live(transactional_db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    monkeypatch.setattr(hub.HUB, "is_stopping", False)
    middleware, settings.MIDDLEWARE = settings.MIDDLEWARE, settings.LIVE_MIDDLEWARE
    application = LiveHandler()
    settings.MIDDLEWARE = middleware
    port = free_port()
    process = server(application, host="127.0.0.1", port=port)
    process.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    thread = threading.Thread(target=lambda: asyncio.run(process.serve()), daemon=True)
    thread.start()
    _wait_for(port)
    found = Live(port, process)
    yield found
    for stream in found.streams:
        stream.close()
    process.should_exit = True
    thread.join(SECONDS)
    assert not thread.is_alive()


def _wait_for(port: int) -> None:
    for _ in range(400):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            threading.Event().wait(0.05)
        else:
            return
    raise TimeoutError("The live server does not listen.")


@pytest.fixture
def quick_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accounts, sessions and keys are checked with every read of the table."""
    monkeypatch.setattr(hub, "GRANTS_SECONDS", 0.0)


Until = Callable[[], bool]
