"""How many requests a web process works on at once, however many clients it waits for.

A thread that waits for a slow client costs little; a thread that works wants a database connection. So there are many
threads and few slots, and each slot has its connection: a request holds one while its view runs, and none while its
body comes in or its file goes out. `studio.http.web_server` puts the gate in front of Django.

A database that hangs keeps every slot. So a request waits for one only while requests still come to an end; then it is
refused, and a few threads are always left to refuse it, and to answer `/healthz` and `/readyz`, which need no slot.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

DOOR_SECONDS = 0.05  # a request waits so long to be let in while others come to an end
STILL_SECONDS = 1.0  # no request has come to an end for so long: then it does not wait at all
THREADS_PER_SPARE = 16  # of the threads one in so many is left to refuse requests

_REFUSED = "studio.refused"  # in the environ of a request
_here = threading.local()  # `gate`: the one that this thread is inside of, or None


class _Slot:
    """The right to work, and the database connections that go with it from thread to thread."""

    def __init__(self) -> None:
        self._connections: list[Any] = []

    def lend(self) -> None:
        """Make the connections this thread's."""
        for connection in self._connections:
            connections[connection.alias] = connection

    def take_back(self) -> None:
        """Keep what this thread has, with what it has opened meanwhile."""
        self._connections = list(connections.all(initialized_only=True))
        for connection in self._connections:
            if not connection.allow_thread_sharing:
                connection.inc_thread_sharing()  # one thread at a time all the same: the one with the slot
            connection.health_check_done = False  # it may lie for a while, and go on with another request
            del connections[connection.alias]


class _Door:
    """Lets as many requests in at once as there are threads, save a few."""

    def __init__(self, *, threads: int) -> None:
        self._room = threading.Semaphore(max(threads - max(threads // THREADS_PER_SPARE, 1), 1))
        self._left_at = time.monotonic()

    def enter(self) -> bool:
        """Whether the request may come in."""
        if self._room.acquire(blocking=False):
            return True
        is_still = time.monotonic() - self._left_at > STILL_SECONDS
        return not is_still and self._room.acquire(timeout=DOOR_SECONDS)

    def leave(self) -> None:
        """The request has its response."""
        self._left_at = time.monotonic()
        self._room.release()


class Gate:
    """A WSGI application in front of another one, which works on at most so many requests at once."""

    def __init__(
        self, application: Callable[..., Iterable[bytes]], *, slots: int, threads: int, free: tuple[str, ...] = ()
    ) -> None:
        """`free` are the paths of what needs no database, and so no slot."""
        self._application = application
        self._door = _Door(threads=threads)
        self._free_paths = frozenset(free)
        # The last one first: its connection was alive a moment ago.
        self._free: queue.LifoQueue[_Slot] = queue.LifoQueue()
        for _ in range(slots):
            self._free.put(_Slot())

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer, in a slot; a body that is made while it is sent is made outside of it."""
        if environ["PATH_INFO"] in self._free_paths:
            return self._application(environ, start_response)
        if not self._door.enter():
            environ[_REFUSED] = True
            return self._application(environ, start_response)
        try:
            response = self._in_slot(environ, start_response)
        except BaseException:
            self._door.leave()
            raise
        if getattr(response, "streaming", False):
            return _Streamed(response, at_end=self._door.leave)
        if isinstance(response, environ.get("wsgi.file_wrapper") or ()):  # the server itself sends the file
            return _at_close(response, self._door.leave)
        self._door.leave()
        return response

    def _in_slot(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["wsgi.input"] = _Body(environ["wsgi.input"])
        self.enter()
        try:
            return self._application(environ, start_response)
        finally:
            self.leave()

    def enter(self) -> None:
        """Wait for a slot."""
        _here.slot = self._free.get()
        _here.slot.lend()
        _here.gate = self

    def leave(self) -> None:
        """Give the slot back."""
        _here.gate = None
        slot, _here.slot = _here.slot, None
        slot.take_back()
        self._free.put(slot)


def is_inside() -> bool:
    """Whether this thread holds a slot."""
    return getattr(_here, "gate", None) is not None


def is_refused(environ: dict[str, Any]) -> bool:
    """Whether the request found no room; its response needs no database then."""
    return bool(environ.get(_REFUSED))


@contextmanager
def away() -> Iterator[None]:
    """Without a slot while somebody outside is waited for. A transaction keeps it, and so does what has no gate."""
    gate: Gate | None = getattr(_here, "gate", None)
    if gate is None or any(connection.in_atomic_block for connection in connections.all(initialized_only=True)):
        yield
        return
    gate.leave()
    try:
        yield
    finally:
        gate.enter()


class _Body:
    """A request's body, which nobody holds a slot to wait for; Django reads it in these two ways."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        with away():
            data: bytes = self._stream.read(size)
        return data

    def readline(self, size: int = -1) -> bytes:
        with away():
            line: bytes = self._stream.readline(size)
        return line


def _at_close(file: Any, leave: Callable[[], None]) -> Iterable[bytes]:
    """The same file, which keeps its thread until it is sent; its server closes it once."""
    close = getattr(file, "close", None)

    def closed() -> None:
        try:
            if close is not None:
                close()
        finally:
            leave()

    file.close = closed
    made: Iterable[bytes] = file
    return made


class _Streamed:
    """An answer that may read the database while it is sent (an export), on a connection that ends with it."""

    def __init__(self, answer: Any, *, at_end: Callable[[], None]) -> None:
        self._answer = answer
        self._at_end = at_end

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._answer)

    def close(self) -> None:
        """Called by the server, once."""
        try:
            self._answer.close()
        finally:
            connections.close_all()
            self._at_end()
