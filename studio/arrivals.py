"""Takes requests in, in gunicorn's main loop, so that a client which sends nothing, or never ends, holds no thread.

gunicorn gives each connection a thread at once: for 5 s if its client is silent, for ever once it has sent one byte.
Here a thread takes a request when its head is there, and its body too if that is small. What arrives meanwhile costs a
file descriptor and a few KiB. Where all connections are taken, the oldest one that waits makes room for a new one.
"""

import contextlib
import errno
import re
import selectors
import time
from functools import partial
from typing import Any

from gunicorn import http, util
from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.workers.gthread import TConn, ThreadWorker

from studio.bodies import LARGE_BYTES

# For a head and a small body, from the first byte to the last; nginx has 60 s for each by default.
ARRIVAL_SECONDS = 30.0
HEAD_BYTES = 64 * 1024  # twice what nginx lets through by default (large_client_header_buffers)
READ_BYTES = 64 * 1024
SPARE = 8  # connections that are kept free: at its limit gunicorn accepts none, and so would close none
END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,9})[ \t]*\r\n", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:", re.IGNORECASE)


def size_of(data: bytes | bytearray) -> int:
    """How many bytes a thread needs of a request that begins so: its head, and a small body that comes without asking.

    0 while the head has no end. A large body is read by the thread, which may refuse it before.
    """
    end = data.find(END, 2)  # one empty line may stand before a request (RFC 9112, 2.2)
    if end < 0:
        return 0
    head = bytes(data[: end + 2])
    length = _LENGTH.search(head)
    is_small = length is not None and int(length[1]) <= LARGE_BYTES and not _EXPECT.search(head)
    return end + len(END) + (int(length[1]) if length is not None and is_small else 0)


class ArrivalWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Reads what clients send in the main loop, and gives whole requests to threads.

    Its `pending_conns` are those whose request is not there yet, the oldest first.
    """

    def accept(self, listener: Any) -> None:
        """Take a connection."""
        try:
            sock, address = listener.accept()
        except OSError as exc:
            if exc.errno in {errno.EMFILE, errno.ENFILE}:  # gunicorn's worker would end
                self._make_room()
            elif exc.errno not in {errno.EAGAIN, errno.ECONNABORTED}:
                raise
            return
        self.nr_conns += 1
        conn = TConn(self.cfg, sock, address, listener.getsockname())
        conn.arrived = bytearray()
        if self.cfg.is_ssl:  # a thread has to shake hands first
            self.enqueue_req(conn)
        else:
            self._expect(conn)

    def on_client_socket_readable(self, conn: TConn, client: Any) -> None:
        """A connection that was kept has another request."""
        if client.fileno() < 0:  # it has made room since the poller saw it
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        if self.cfg.is_ssl:
            self.enqueue_req(conn)
        else:
            self._expect(conn)

    def finish_request(self, conn: TConn, fs: Any) -> None:
        """Keep the connection or close it; what has come of its next request waits for the rest."""
        is_kept = not self.cfg.is_ssl and not fs.cancelled() and not fs.exception() and fs.result() is True
        if is_kept and (early := conn.parser.unreader.take_buffered()):
            conn.sock.setblocking(False)
            self._expect(conn, early)
        else:
            super().finish_request(conn, fs)

    def murder_pending(self) -> None:
        """End what takes too long to arrive, and the oldest that wait where there are too many connections.

        When the worker stops, also what has not begun.
        """
        now = time.monotonic()
        while self.pending_conns and self.pending_conns[0].timeout <= now:
            conn = self.pending_conns[0]
            self._let_go(conn, is_late=bool(conn.arrived))
        while self.nr_conns > self.worker_connections - SPARE and (self.pending_conns or self.keepalived_conns):
            self._make_room()
        if not self.alive:
            for conn in [conn for conn in self.pending_conns if not conn.arrived]:
                self._let_go(conn)

    def handle(self, conn: TConn) -> Any:
        """Answer, or refuse a head that does not end."""
        if getattr(conn, "is_too_large", False):
            conn.sock.setblocking(True)
            self.handle_error(None, conn.sock, conn.client, LimitRequestHeaders("headers"))
            return False
        return super().handle(conn)

    def _expect(self, conn: TConn, early: bytes = b"") -> None:
        """Wait for a request, of which some may have come together with the one before."""
        conn.arrived, conn.needed = bytearray(), 0
        conn.timeout = time.monotonic() + ARRIVAL_SECONDS
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_arrival, conn))
        if early:
            self._take(conn, early)
        else:
            self._on_arrival(conn, conn.sock)  # in most cases it is there already

    def _on_arrival(self, conn: TConn, sock: Any) -> None:
        if sock.fileno() < 0:  # it has made room since the poller saw it
            return
        try:
            data = sock.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self._take(conn, data)
        elif conn.arrived:
            self._hand_over(conn)  # a thread says what is wrong with a part of a request
        else:
            self._let_go(conn)

    def _take(self, conn: TConn, data: bytes) -> None:
        conn.arrived += data
        conn.needed = conn.needed or size_of(conn.arrived)
        if len(conn.arrived) >= (conn.needed or HEAD_BYTES):
            self._hand_over(conn)

    def _hand_over(self, conn: TConn) -> None:
        """Give the request to a thread, which reads it out of the parser's buffer."""
        self._withdraw(conn)
        if conn.parser is None:
            conn.parser = http.get_parser(self.cfg, conn.sock, conn.client)
        conn.parser.unreader.unread(bytes(conn.arrived))
        conn.is_too_large = not conn.needed and len(conn.arrived) >= HEAD_BYTES
        conn.arrived, conn.data_ready = bytearray(), True
        self.enqueue_req(conn)

    def _make_room(self) -> None:
        """Close the oldest connection of the kind that there are more of: awaited, or kept for a next request."""
        waiting = max(self.pending_conns, self.keepalived_conns, key=len)
        if waiting:
            self._let_go(waiting[0])

    def _let_go(self, conn: TConn, *, is_late: bool = False) -> None:
        self._withdraw(conn)
        self.nr_conns -= 1
        if is_late:
            with contextlib.suppress(OSError):
                util.write_error(conn.sock, 408, "Request Timeout", "")
        conn.close()

    def _withdraw(self, conn: TConn) -> None:
        self.poller.unregister(conn.sock)
        (self.pending_conns if conn in self.pending_conns else self.keepalived_conns).remove(conn)
