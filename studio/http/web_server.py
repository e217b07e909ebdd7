"""Our gunicorn worker: it asks for bodies when they are read, drains closed connections, and stops without losses."""

import gc
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from gunicorn import util
from gunicorn.workers.gthread import TConn, ThreadWorker

from studio.http import active_requests, bodies, concurrency, probes
from studio.http.base_path import PROBES

# Limits of draining: a refused client may continue to send for this long, and this much, until it notices.
LINGER_SECONDS = 5.0
LINGER_IDLE_SECONDS = 0.5
LINGER_BYTES = 64 * 1024 * 1024
READ_BYTES = 64 * 1024
BODY_IDLE_SECONDS = 30.0  # between two reads of a body; nginx has 60 by default
SKIPPED_BYTES = 64 * 1024  # the most of an unread body that gunicorn skips to reuse the connection


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Asks for a body when it is read, drains a connection in its own thread, and loses no request when it stops.

    gunicorn's main loop waits up to 2 s for each client that continues to send. It cuts off clients that send more than
    64 KiB before they have read the response. When it stops, it listens until the last request is finished, and then
    resets all connections that it has not accepted.
    """

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Stop: `/readyz` turns 503 now, and after STOP_DELAY_SECONDS the process accepts no more connections."""
        if probes.is_stopping():
            return
        probes.stop()
        end = threading.Timer(settings.STOP_DELAY_SECONDS, super().handle_exit, (sig, frame))
        end.daemon = True
        end.start()

    def set_accept_enabled(self, enabled: bool) -> None:
        """Pause or resume accepting; when stopping, accept the waiting connections, then close the listeners."""
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self.sockets:
                while _has_waiting(listener):
                    self.accept(listener)
                listener.close()

    def handle(self, conn: TConn) -> Any:
        """Handle the connection's next request, and close the connection if it is not kept alive."""
        outcome = super().handle(conn)
        if not outcome:
            _close(conn.sock)
            conn.close = lambda graceful=False: None  # the main loop would close it again
        return outcome

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Handle the request like gunicorn, but let `_Body` send `100 Continue`."""
        req._expected_100_continue = False  # noqa: SLF001 - gunicorn would send it before the headers are checked
        return super().handle_request(req, conn)


def _has_waiting(listener: socket.socket) -> bool:
    poll = select.poll()  # select.select() takes no file descriptor above 1023
    poll.register(listener, select.POLLIN)
    return bool(poll.poll(0))


def _close(sock: socket.socket) -> None:
    """Stop sending, and drain the connection for a while: closing it with unread data would discard the response.

    If too many threads wait for slow clients already, close it at once.
    """
    release = concurrency.acquire()
    if release is None:
        util.close(sock)
        return
    deadline = time.monotonic() + LINGER_SECONDS
    left = LINGER_BYTES
    try:
        sock.shutdown(socket.SHUT_WR)
        while left > 0 and (seconds := deadline - time.monotonic()) > 0:
            sock.settimeout(min(seconds, LINGER_IDLE_SECONDS))
            received = len(sock.recv(READ_BYTES))
            if not received:
                break
            left -= received
    except OSError:  # includes time-outs
        pass
    finally:
        util.close(sock)
        release()


class _Body:
    """The body's stream. If the client expects it (RFC 9110, 10.1.1), the first read sends `100 Continue`.

    So a request that is refused by its headers costs no transfer, and its client reads the refusal. Reading raises
    TimeoutError if the client sends nothing for BODY_IDLE_SECONDS, and holds no slot.
    """

    def __init__(self, environ: dict[str, Any]) -> None:
        self._stream = environ["wsgi.input"]
        self._socket: socket.socket = environ["gunicorn.socket"]
        self._waits = environ.get("HTTP_EXPECT", "").lower() == "100-continue" and _is_http_1_1(environ)
        self._left = bodies.announced(environ)

    def read(self, size: int = -1) -> bytes:
        return self._read_some(self._stream.read, size)

    def readline(self, size: int = -1) -> bytes:
        return self._read_some(self._stream.readline, size)

    def _read_some(self, read: Callable[[int], bytes], size: int) -> bytes:
        with active_requests.without_slot():
            self._ask()
            self._socket.settimeout(BODY_IDLE_SECONDS)
            try:
                data = read(size)
            finally:
                self._socket.settimeout(None)  # sending has no time-out
        self._left -= len(data)
        return data

    def _ask(self) -> None:
        if self._waits:
            self._waits = False
            self._socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    @property
    def ends_the_connection(self) -> bool:
        """Whether the connection cannot be reused.

        A client may send its body even without `100 Continue`, and gunicorn skips only SKIPPED_BYTES of an unread one.
        """
        return self._waits or self._left >= SKIPPED_BYTES


def _is_http_1_1(environ: dict[str, Any]) -> bool:
    return bool(environ["SERVER_PROTOCOL"] != "HTTP/1.0")


def _with_expect_and_close(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """The application, with support for `Expect: 100-continue` and `Connection: close`.

    gunicorn ignores the latter, and waits 5 s for the rest of a refused body.
    """

    def respond(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"] = _Body(environ)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            if ("Connection", "close") in headers or body.ends_the_connection or probes.is_stopping():
                start_response.__self__.force_close()
            return start_response(status, headers, exc_info)

        return application(environ, start)

    return respond


def application(worker: Any) -> Callable[..., Iterable[bytes]]:
    """The worker's application, behind its limits of slots and of slow clients."""
    threads = worker.cfg.threads
    concurrency.allow(threads=threads)
    gc.collect()
    gc.freeze()  # collections skip the objects of the start, and take a fraction of the time
    # Probes need no slot: /readyz runs its checks in a thread of its own.
    exempt = tuple(
        f"{prefix}{path}{slash}" for prefix in ("", settings.BASE_PATH) for path in PROBES for slash in ("", "/")
    )
    limited = active_requests.ActiveRequestLimit(
        worker.wsgi, slots=settings.WEB_MAX_ACTIVE_REQUESTS, threads=threads, exempt=exempt
    )
    return _with_expect_and_close(limited)
