"""A fake mail server: SMTP over a real socket, which keeps mails as they came and can be scripted to fail."""

import contextlib
import email
import email.policy
import socket
import socketserver
import struct
import threading
from email.message import EmailMessage
from typing import Any, Self, cast

from tests.fakes.faults import Fault, take_next


class FakeSmtp(socketserver.ThreadingTCPServer):
    """A context manager that serves in a thread.

    A fault is a reply such as "450 later", "hang" or "reset", on a command ("rcpt") or on "connect" or "body".
    """

    allow_reuse_address = daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.port: int = self.server_address[1]
        self.mails: list[EmailMessage] = []
        self.commands: list[str] = []
        self.faults: list[Fault] = []
        self.lock, self.stopping = threading.Lock(), threading.Event()

    def script(self, on: str, fault: str, *, times: int = 1, skip: int = 0) -> None:
        self.faults.append(Fault(on, fault, times, skip))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that hang up."""

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()


class Handler(socketserver.StreamRequestHandler):
    """One client."""

    server: FakeSmtp

    def handle(self) -> None:
        self._reply("connect", "220 fake")
        while line := self.rfile.readline().decode():
            command = line.split()[0].lower()
            with self.server.lock:
                self.server.commands.append(line.strip())
            if command == "data" and self._reply("data", "354 go on").startswith("354"):
                self._take()
            elif command != "data":
                replies = {"ehlo": "250-fake\r\n250 AUTH PLAIN", "auth": "235 welcome", "quit": "221 bye"}
                self._reply(command, replies.get(command, "250 fine"))

    def _take(self) -> None:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        mail = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        if self._reply("body", "250 taken").startswith("250"):
            with self.server.lock:
                self.server.mails.append(cast("EmailMessage", mail))

    def _reply(self, on: str, text: str) -> str:
        with self.server.lock:
            fault = take_next(self.server.faults, on)
        text = fault.fault if fault else text
        if text == "hang":
            self.server.stopping.wait(30)
        if text in {"hang", "reset"}:
            # no time to linger: the client gets a reset, not an end
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with contextlib.suppress(OSError):
                self.connection.close()
            raise ConnectionResetError
        self.wfile.write(f"{text}\r\n".encode())
        return text
