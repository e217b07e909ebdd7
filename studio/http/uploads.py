"""What uploads may take of a web process at once: a person's number of them, and the memory of JSON with pictures."""

import gc
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from typing import IO, Any

from django.core.files.uploadhandler import TemporaryFileUploadHandler

from studio.errors import Unavailable
from studio.http import bodies, concurrency
from studio.http.active_requests import without_slot

HEAVY_BYTES = 1024 * 1024
LARGE_JSONS = 2  # in memory at once in a process; each takes up to 180 MB while it is parsed
WAIT_SECONDS = 20
CHUNK_BYTES = 64 * 1024

_until_the_end: ContextVar[ExitStack | None] = ContextVar("until_the_end", default=None)
_turn: ContextVar[ExitStack | None] = ContextVar("turn", default=None)
_under_way = concurrency.Share()
_large_jsons = threading.BoundedSemaphore(LARGE_JSONS)


class FileHandler(TemporaryFileUploadHandler):
    """Django's, which removes an unfinished file at once: the traceback of a full disk would keep it for long."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write a part of the file. Raises OSError."""
        try:
            super().receive_data_chunk(raw_data, start)
        except OSError:
            with suppress(OSError):  # what is left in the buffer cannot be written, either
                self.file.close()
            raise


@contextmanager
def released_at_the_end() -> Iterator[None]:
    """Around a request: what its upload takes is given back at the end."""
    with ExitStack() as stack, ExitStack() as turn:
        tokens = _until_the_end.set(stack), _turn.set(turn), concurrency.person.set(None)
        try:
            yield
        finally:
            _until_the_end.reset(tokens[0])
            _turn.reset(tokens[1])
            concurrency.person.reset(tokens[2])


def begin(*, user_id: uuid.UUID) -> None:
    """Count the request as an upload of this person, until its end. Raises LimitReached."""
    _under_way.take(user_id)
    if stack := _until_the_end.get():
        stack.callback(_under_way.give_back, user_id)
    else:  # outside of a request there is nothing to share
        _under_way.give_back(user_id)


@contextmanager
def received(stream: Any) -> Iterator[IO[bytes]]:
    """A body of JSON that has come in. A large one comes into a file, and then waits for its turn in memory.

    Raises IncompleteBody as reading does, and Unavailable where it waits for too long.
    """
    with tempfile.SpooledTemporaryFile(max_size=HEAVY_BYTES) as body:
        while data := stream.read(CHUNK_BYTES):
            body.write(data)
        if body.tell() > HEAVY_BYTES:
            _take_turn()
        body.seek(0)
        yield body


def is_heavy(request: Any) -> bool:
    """Whether the request has a body whose memory counts."""
    return bodies.length_of(request) > HEAVY_BYTES


def forget(request: Any) -> None:
    """Free what a request has brought, before the next large one has its turn.

    DRF's requests, views and serializers refer to each other. Python looks for such cycles by the number of objects,
    and so keeps a few large ones for long. `studio.http.web_server` has it leave out what was there before any request.
    """
    request._data = request._full_data = {}  # noqa: SLF001 - DRF keeps what it parsed here, and offers no way to drop it
    request._files = None  # noqa: SLF001 - as above
    gc.collect()
    if turn := _turn.get():
        turn.close()


def _take_turn() -> None:
    with without_slot():
        came = _large_jsons.acquire(timeout=WAIT_SECONDS)
    if not came:
        raise Unavailable(
            "Too many uploads are in progress. Please try again in a moment.",
            code="too_many_uploads",
            retry_after_seconds=10,
        )
    if turn := _turn.get():
        turn.callback(_large_jsons.release)
    else:
        _large_jsons.release()
