"""A server whose responses never end: it repeats the same few bytes with short pauses."""

import socket
import threading
from typing import Self

PAUSE_SECONDS = 0.02  # far below every time-out of a socket

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n"
# the bytes sent at once, and those repeated afterwards
KINDS: dict[str, tuple[bytes, bytes]] = {
    "status line": (b"HTTP/1.1 200 ", b"O"),
    "headers": (HEAD, b"X-More: yes\r\n"),
    "one header": (HEAD + b"X-Long: ", b"x"),
    "body": (HEAD + b"Content-Length: 100000000\r\n\r\n\0\0\0\x18ftypmp42", b"\0"),
    "chunk sizes": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
}


class TricklingServer:
    """On loopback; a context manager. `url` is where it listens, `kind` one of KINDS."""

    def __init__(self, kind: str) -> None:
        self._first, self._again = KINDS[kind]
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._listen)
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _start(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)  # type: ignore[arg-type]  # what is given fits
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._trickle, connection)

    def _trickle(self, connection: socket.socket) -> None:
        with connection:
            try:
                connection.settimeout(1)
                connection.recv(65536)
                connection.sendall(self._first)
                while not self._stopping.wait(PAUSE_SECONDS):
                    connection.sendall(self._again)
            except OSError:  # the client hung up
                return
