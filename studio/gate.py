"""How many requests a web process works on at once, however many clients it waits for.

A thread that waits for a slow client costs little; a thread that works wants a database connection. So there are many
threads and few slots, and each slot has its connection: a request holds one while its view runs, and none while its
body comes in or its file goes out. `gunicorn.conf.py` puts the gate in front of Django.
"""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

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


class Gate:
    """A WSGI application in front of another one, which works on at most so many requests at once."""

    def __init__(self, application: Callable[..., Iterable[bytes]], *, slots: int) -> None:
        self._application = application
        # The last one first: its connection was alive a moment ago.
        self._free: queue.LifoQueue[_Slot] = queue.LifoQueue()
        for _ in range(slots):
            self._free.put(_Slot())

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer, in a slot; a body that is made while it is sent is made outside of it."""
        environ["wsgi.input"] = _Body(environ["wsgi.input"])
        self.enter()
        try:
            answer = self._application(environ, start_response)
        finally:
            self.leave()
        return _Streamed(answer) if getattr(answer, "streaming", False) else answer

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


class _Streamed:
    """An answer that may read the database while it is sent (an export), on a connection that ends with it."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._answer)

    def close(self) -> None:
        try:
            self._answer.close()
        finally:
            connections.close_all()
