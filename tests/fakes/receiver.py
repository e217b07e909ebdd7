"""A receiver of webhooks: it verifies and keeps each message, and responds as a test wants it."""

import json
import socket
import ssl
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from tests.fakes.server import FakeServer


@dataclass
class Message:
    """An attempt that arrived whole."""

    path: str
    headers: dict[str, str]
    text: str
    response: int | str = 0

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def body(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.text)
        return parsed

    def is_signed_by(self, secret: str) -> bool:
        """Whether the library of Standard Webhooks accepts it."""
        try:
            Webhook(secret).verify(self.text, self.headers)
        except WebhookVerificationError:
            return False
        return True


@dataclass
class Account:
    """What the receiver got, and how it responds: by the script, then by `otherwise`."""

    lock: Any = field(default_factory=threading.Lock)
    messages: list[Message] = field(default_factory=list)
    script: list[int | str] = field(default_factory=list)
    otherwise: int | str = 204

    def next_response(self) -> int | str:
        with self.lock:
            return self.script.pop(0) if self.script else self.otherwise


class Handler(BaseHTTPRequestHandler):
    """Responses: a status; "hang": none; "reset": the connection is reset; "redirect": to another path."""

    server: "FakeReceiver"

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        data = self.rfile.read(length)
        if len(data) < length:  # its sender has died
            self.close_connection = True
            return
        text = data.decode()
        response = self.server.account.next_response()
        message = Message(self.path, {name.lower(): value for name, value in self.headers.items()}, text, response)
        with self.server.account.lock:
            self.server.account.messages.append(message)
        if response == "hang":
            self.server.stopping.wait(60)
        elif response == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
        elif response == "redirect":
            self.send_response(302)
            self.send_header("Location", f"{self.server.url}/elsewhere")
            self.end_headers()
        else:
            self.send_response(int(response))
            self.send_header("Content-Length", "0")
            self.end_headers()

    def do_GET(self) -> None:
        """A redirect that was followed."""
        self.server.account.messages.append(Message(self.path, {}, ""))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


class FakeReceiver(FakeServer):
    """Listens on loopback, with TLS if `context` is given."""

    account: Account

    def __init__(self, *, context: ssl.SSLContext | None = None) -> None:
        self.account = Account()
        super().__init__(port=0, handler=Handler)
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)

    @property
    def messages(self) -> list[Message]:
        with self.account.lock:
            return list(self.account.messages)
