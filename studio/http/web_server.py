"""What gunicorn does differently here, for `gunicorn.conf.py`: asking for bodies, ending connections, stopping."""

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

# For a client that was refused to notice it, before its connection is cut: it may send on for so long, and so much.
LINGER_SECONDS = 5.0
LINGER_IDLE_SECONDS = 0.5
LINGER_BYTES = 64 * 1024 * 1024
READ_BYTES = 64 * 1024
BODY_IDLE_SECONDS = 30.0  # without a byte of a body, which a thread waits for; nginx has 60 by default
SKIPPED_BYTES = 64 * 1024  # of a body that was not read, before gunicorn gives the connection up


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Asks for a body when it is read, ends a connection in its own thread, and loses no request when it stops.

    gunicorn's main loop would wait for each client that sends on, for 2 s, and cut off those that send more than 64 KiB
    before they have read the response. A gunicorn that stops listens until its last request is answered, and then
    resets every connection that it has not accepted.
    """

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Stop: `/readyz` answers 503 from now on, and STOP_DELAY_SECONDS later the process takes no new connection."""
        if probes.is_stopping():
            return
        probes.stop()
        end = threading.Timer(settings.STOP_DELAY_SECONDS, super().handle_exit, (sig, frame))
        end.daemon = True
        end.start()

    def set_accept_enabled(self, enabled: bool) -> None:
        """Accept connections or not; a process that stops accepts those that wait, and closes its listeners."""
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self.sockets:
                while _has_waiting(listener):
                    self.accept(listener)
                listener.close()

    def handle(self, conn: TConn) -> Any:
        """Answer what the client asks, and close the connection if it is to be closed."""
        outcome = super().handle(conn)
        if not outcome:
            _close(conn.sock)
            conn.close = lambda graceful=False: None  # the main loop would, once more
        return outcome

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """The same, save that `100 Continue` is left to `_Body`."""
        req._expected_100_continue = False  # noqa: SLF001 - gunicorn would send it before the headers are checked
        return super().handle_request(req, conn)


def _has_waiting(listener: socket.socket) -> bool:
    poll = select.poll()  # select.select() takes no file descriptor above 1023
    poll.register(listener, select.POLLIN)
    return bool(poll.poll(0))


def _close(sock: socket.socket) -> None:
    """End what is sent, and read what comes for a while: to close with unread data would take the response back.

    Where too many threads wait for slow clients already, the connection is cut at once.
    """
    give_back = concurrency.place()
    if give_back is None:
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
    except OSError:  # a time-out is one, too
        pass
    finally:
        util.close(sock)
        give_back()


class _Body:
    """A body as it comes in. One whose client waits to be asked for it (RFC 9110, 10.1.1) is asked for when it is read.

    A request that its headers refuse costs no transfer then, and its client reads the refusal. Reading raises
    TimeoutError where the client sends nothing for too long. A request holds no slot while its body is waited for.
    """

    def __init__(self, environ: dict[str, Any]) -> None:
        self._stream = environ["wsgi.input"]
        self._socket: socket.socket = environ["gunicorn.socket"]
        self._waits = environ.get("HTTP_EXPECT", "").lower() == "100-continue" and _is_http_1_1(environ)
        self._left = bodies.announced(environ)

    def read(self, size: int = -1) -> bytes:
        return self._received(self._stream.read, size)

    def readline(self, size: int = -1) -> bytes:
        return self._received(self._stream.readline, size)

    def _received(self, read: Callable[[int], bytes], size: int) -> bytes:
        with active_requests.without_slot():
            self._ask()
            self._socket.settimeout(BODY_IDLE_SECONDS)
            try:
                data = read(size)
            finally:
                self._socket.settimeout(None)  # what is sent takes as long as it takes
        self._left -= len(data)
        return data

    def _ask(self) -> None:
        if self._waits:
            self._waits = False
            self._socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    @property
    def ends_the_connection(self) -> bool:
        """Whether no further request can be read behind it.

        A client that was not asked may send its body all the same, and of an unread one gunicorn skips 64 KiB only.
        """
        return self._waits or self._left >= SKIPPED_BYTES


def _is_http_1_1(environ: dict[str, Any]) -> bool:
    return bool(environ["SERVER_PROTOCOL"] != "HTTP/1.0")


def _on_the_wire(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """The application, with `Expect: 100-continue` and `Connection: close` heeded.

    gunicorn drops the latter, and waits 5 s for the rest of a body that was refused.
    """

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"] = _Body(environ)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            if ("Connection", "close") in headers or body.ends_the_connection or probes.is_stopping():
                start_response.__self__.force_close()
            return start_response(status, headers, exc_info)

        return application(environ, start)

    return answer


def application(worker: Any) -> Callable[..., Iterable[bytes]]:
    """What the worker serves: the site, in which slow clients hold neither the slots nor all of the threads."""
    threads = worker.cfg.threads
    concurrency.allow(threads=threads)
    gc.collect()
    gc.freeze()  # a search for garbage takes a fraction of the time without what stays for good
    # Probes need no slot: /readyz runs its checks in a thread of its own.
    exempt = tuple(
        f"{prefix}{path}{slash}" for prefix in ("", settings.BASE_PATH) for path in PROBES for slash in ("", "/")
    )
    limited = active_requests.ActiveRequestLimit(worker.wsgi, slots=settings.WEB_SLOTS, threads=threads, exempt=exempt)
    return _on_the_wire(limited)
