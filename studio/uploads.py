"""What uploads may take of a web process at once: a person's number of them, and the memory of JSON with pictures."""

import gc
import tempfile
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import IO, Any

from studio.errors import LimitReached, Unavailable
from studio.gate import away

PER_PERSON = 8  # in a process; a browser has six connections to a site
LARGE_BYTES = 1024 * 1024
LARGE_JSONS = 2  # in memory at once in a process; each takes up to 180 MB while it is parsed
WAIT_SECONDS = 20
CHUNK_BYTES = 64 * 1024

_until_the_end: ContextVar[ExitStack | None] = ContextVar("until_the_end", default=None)
_under_way: Counter[uuid.UUID] = Counter()
_lock = threading.Lock()
_large_jsons = threading.BoundedSemaphore(LARGE_JSONS)


@contextmanager
def released_at_the_end() -> Iterator[None]:
    """Around a request: what its upload takes is given back at the end."""
    with ExitStack() as stack:
        token = _until_the_end.set(stack)
        try:
            yield
        finally:
            _until_the_end.reset(token)


def begin(*, user_id: uuid.UUID) -> None:
    """Count the request as an upload of this person, until its end. Raises LimitReached."""
    with _lock:
        if _under_way[user_id] >= PER_PERSON:
            raise LimitReached(
                f"You have {PER_PERSON} uploads in progress. Please wait until one has finished.",
                code="uploads_in_progress",
                retry_after_seconds=5,
            )
        _under_way[user_id] += 1
    _at_the_end(lambda: _end(user_id))


def _end(user_id: uuid.UUID) -> None:
    with _lock:
        _under_way[user_id] -= 1
        if not _under_way[user_id]:
            del _under_way[user_id]


@contextmanager
def received(stream: Any) -> Iterator[IO[bytes]]:
    """A body of JSON that has come in. A large one comes into a file, and then waits for its turn in memory.

    Raises IncompleteBody as reading does, and Unavailable where it waits for too long.
    """
    with tempfile.SpooledTemporaryFile(max_size=LARGE_BYTES) as body:
        while data := stream.read(CHUNK_BYTES):
            body.write(data)
        if body.tell() > LARGE_BYTES:
            _take_turn()
        body.seek(0)
        yield body


def forget(request: Any) -> None:
    """Free what a request has brought, before the next large one comes.

    DRF's requests, views and serializers refer to each other. Python looks for such cycles by the number of objects,
    and so keeps a few large ones for long. `studio.web_server` has it leave out what was there before any request.
    """
    request._data = request._full_data = {}
    request._files = None
    gc.collect()


def _take_turn() -> None:
    with away():
        came = _large_jsons.acquire(timeout=WAIT_SECONDS)
    if not came:
        raise Unavailable(
            "Too many uploads are in progress. Please try again in a moment.",
            code="too_many_uploads",
            retry_after_seconds=10,
        )
    _at_the_end(_large_jsons.release)


def _at_the_end(undo: Any) -> None:
    stack = _until_the_end.get()
    if stack is None:  # outside of a request there is nothing to share
        undo()
    else:
        stack.callback(undo)
