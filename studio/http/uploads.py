"""Limits concurrent uploads in a web process: their number per user, and the memory of JSON with pictures."""

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
LARGE_JSONS = 2  # in memory at once per process; parsing one takes up to 180 MB
WAIT_SECONDS = 20
CHUNK_BYTES = 64 * 1024

_at_end: ContextVar[ExitStack | None] = ContextVar("at_end", default=None)
_turn: ContextVar[ExitStack | None] = ContextVar("turn", default=None)
_uploads = concurrency.PerUserLimit()
_large_jsons = threading.BoundedSemaphore(LARGE_JSONS)


class FileHandler(TemporaryFileUploadHandler):
    """Django's, but it removes an incomplete file at once; else the traceback of a full disk would keep it."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        try:
            super().receive_data_chunk(raw_data, start)
        except OSError:
            with suppress(OSError):  # the buffer cannot be written either
                self.file.close()
            raise


@contextmanager
def released_at_the_end() -> Iterator[None]:
    """Around a request: releases at its end what its upload has acquired."""
    with ExitStack() as stack, ExitStack() as turn:
        tokens = _at_end.set(stack), _turn.set(turn), concurrency.user.set(None)
        try:
            yield
        finally:
            _at_end.reset(tokens[0])
            _turn.reset(tokens[1])
            concurrency.user.reset(tokens[2])


def begin(*, user_id: uuid.UUID) -> None:
    """Count the request as an upload of the user, until its end. Raises LimitReached."""
    _uploads.acquire(user_id)
    if stack := _at_end.get():
        stack.callback(_uploads.release, user_id)
    else:  # outside of a request
        _uploads.release(user_id)


@contextmanager
def received(stream: Any) -> Iterator[IO[bytes]]:
    """A received JSON body. A large one is spooled to a file, and waits until it may be loaded into memory.

    Raises IncompleteBody, and Unavailable if it waits too long.
    """
    with tempfile.SpooledTemporaryFile(max_size=HEAVY_BYTES) as body:
        while data := stream.read(CHUNK_BYTES):
            body.write(data)
        if body.tell() > HEAVY_BYTES:
            _take_turn()
        body.seek(0)
        yield body


def is_heavy(request: Any) -> bool:
    """Whether the request's body needs a turn in memory."""
    return bodies.length_of(request) > HEAVY_BYTES


def forget(request: Any) -> None:
    """Free the data of a request before the next large one gets its turn.

    DRF's requests, views and serializers form reference cycles. Python collects them by number of objects, so it keeps
    a few large ones for long. `studio.http.web_server` freezes the objects of the start, so a collection is fast.
    """
    request._data = request._full_data = {}  # noqa: SLF001 - DRF keeps what it parsed here, and offers no way to drop it
    request._files = None  # noqa: SLF001 - as above
    gc.collect()
    if turn := _turn.get():
        turn.close()


def _take_turn() -> None:
    with without_slot():
        has_turn = _large_jsons.acquire(timeout=WAIT_SECONDS)
    if not has_turn:
        raise Unavailable(
            "Too many uploads are in progress. Please try again in a moment.",
            code="too_many_uploads",
            retry_after_seconds=10,
        )
    if turn := _turn.get():
        turn.callback(_large_jsons.release)
    else:
        _large_jsons.release()
