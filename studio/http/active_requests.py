"""Limits how many requests a web process works on at once, however many clients it waits for.

A thread that waits for a slow client costs little; a thread that works needs a database connection. So a process has
many threads and few slots (`WEB_MAX_ACTIVE_REQUESTS`), and each slot has its connection. A request holds a slot while
its view runs, and none while its body comes in or its file goes out. `studio.http.web_server` puts the limit in front
of Django.

A database that hangs keeps every slot occupied. So a request waits for a slot only while other requests still finish;
otherwise it is refused. A few threads always stay free to refuse requests, and to serve `/healthz` and `/readyz`, which
need no slot. docs/decisions/19-connection-pool.md says why a connection pool does not replace this.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

# A request waits this long for a thread's permit while other requests finish. A thread that has just released one may
# take it again before those that wait: of 61,000 requests of 200 clients, 11 waited 0.05 s in vain, and none 0.25 s.
ADMISSION_SECONDS = 0.25
STALLED_SECONDS = 1.0  # if no request has finished for this long, further ones are refused without a wait
THREADS_PER_SPARE = 16  # one thread in 16 stays free to refuse requests

_REFUSED = "studio.refused"  # key in a request's environ
_local = threading.local()  # `limit` and `slot` that this thread holds; None outside of a request


class _Slot:
    """The right to work, and the database connections that move with it from thread to thread."""

    def __init__(self) -> None:
        self._connections: list[Any] = []

    def attach(self) -> None:
        """Make the connections this thread's."""
        for connection in self._connections:
            connections[connection.alias] = connection

    def detach(self) -> None:
        """Keep this thread's connections, including those it has opened meanwhile."""
        self._connections = list(connections.all(initialized_only=True))
        for connection in self._connections:
            if not connection.allow_thread_sharing:
                connection.inc_thread_sharing()  # still one thread at a time: the one that holds the slot
            connection.health_check_done = False  # it may stay unused for a while before the next request
            del connections[connection.alias]


class _Admission:
    """Admits as many requests at once as there are threads, except for the few that stay free."""

    def __init__(self, *, threads: int) -> None:
        self._permits = threading.Semaphore(max(threads - max(threads // THREADS_PER_SPARE, 1), 1))
        self._finished_at = time.monotonic()

    def acquire(self) -> bool:
        if self._permits.acquire(blocking=False):
            return True
        is_stalled = time.monotonic() - self._finished_at > STALLED_SECONDS
        return not is_stalled and self._permits.acquire(timeout=ADMISSION_SECONDS)

    def release(self) -> None:
        self._finished_at = time.monotonic()
        self._permits.release()


class ActiveRequestLimit:
    """WSGI middleware that lets the application work on at most `slots` requests at once."""

    def __init__(
        self, application: Callable[..., Iterable[bytes]], *, slots: int, threads: int, exempt: tuple[str, ...] = ()
    ) -> None:
        """`exempt` are paths that need no database, and so no slot."""
        self._application = application
        self._admission = _Admission(threads=threads)
        self._exempt = frozenset(exempt)
        self._free: queue.LifoQueue[_Slot] = queue.LifoQueue()  # the last used first: its connection is the freshest
        for _ in range(slots):
            self._free.put(_Slot())

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Run the application in a slot. A body that is produced while it is sent is produced outside of it."""
        if environ["PATH_INFO"] in self._exempt:
            return self._application(environ, start_response)
        if not self._admission.acquire():
            environ[_REFUSED] = True
            return self._application(environ, start_response)
        takes_long_to_send = False
        try:
            response = self._in_slot(environ, start_response)
            takes_long_to_send = _takes_long_to_send(response, environ)
        finally:
            if not takes_long_to_send:
                self._admission.release()
        return _when_closed(response, self._admission.release) if takes_long_to_send else response

    def _in_slot(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.enter()
        try:
            return self._application(environ, start_response)
        finally:
            self.leave()

    def enter(self) -> None:
        _local.slot = self._free.get()
        _local.slot.attach()
        _local.limit = self

    def leave(self) -> None:
        _local.limit = None
        slot, _local.slot = _local.slot, None
        slot.detach()
        self._free.put(slot)


def holds_slot() -> bool:
    """Whether this thread holds a slot."""
    return getattr(_local, "limit", None) is not None


def is_refused(environ: dict[str, Any]) -> bool:
    """Whether the request was not admitted. Its response must not need the database."""
    return bool(environ.get(_REFUSED))


@contextmanager
def without_slot() -> Iterator[None]:
    """Release the slot during a wait for a client or a service.

    A thread in a transaction keeps its slot. A thread without one just waits.
    """
    limit: ActiveRequestLimit | None = getattr(_local, "limit", None)
    if limit is None or any(connection.in_atomic_block for connection in connections.all(initialized_only=True)):
        yield
        return
    limit.leave()
    try:
        yield
    finally:
        limit.enter()


def _takes_long_to_send(response: Any, environ: dict[str, Any]) -> bool:
    """Whether the response keeps its thread for as long as the client takes: a stream, or a file the server sends."""
    return getattr(response, "streaming", False) or isinstance(response, environ.get("wsgi.file_wrapper") or ())


def _when_closed(response: Any, release: Callable[[], None]) -> Iterable[bytes]:
    """The response, wrapped to call `release` once the server has sent and closed it.

    A stream that reads the database (an export) does so on a connection that ends with it.
    """
    close = getattr(response, "close", None)

    def close_and_release() -> None:
        vars(response).pop("close", None)  # else the response would refer to itself, and stay in memory for long
        try:
            if close is not None:
                close()
        finally:
            connections.close_all()
            release()

    response.close = close_and_release
    sent: Iterable[bytes] = response
    return sent
