"""A proxy in front of Redis that loses the replies to scripts until it is switched off."""

import contextlib
import socket
import threading
from typing import Self
from urllib.parse import urlsplit


class LosesReplies:
    """A context manager that serves in threads."""

    def __init__(self, redis_url: str) -> None:
        self._behind = urlsplit(redis_url)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = redis_url.replace(f":{self._behind.port}/", f":{self._server.getsockname()[1]}/")
        self.lets_through = False
        self.lost = 0
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.close()
        for side in self._open:
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
            side.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                front, _ = self._server.accept()
                self._open.append(front)
                back = socket.create_connection((self._behind.hostname or "", self._behind.port or 0))
                self._open.append(back)
                threading.Thread(target=self._exchange, args=(front, back), daemon=True).start()

    def _exchange(self, front: socket.socket, back: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while said := front.recv(65536):
                back.sendall(said)
                reply = back.recv(65536)
                if b"EVAL" in said and not self.lets_through:
                    self.lost += 1
                    front.shutdown(socket.SHUT_RDWR)
                    return
                front.sendall(reply)
