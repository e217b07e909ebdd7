"""What every storage of ours looks like to its callers beyond Django's `Storage`: its failures, and derived URLs."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.core.files.storage import Storage

from studio.http import concurrency

NAME_MAX = 300  # characters of the name that a file is stored under; the columns' width
_R = TypeVar("_R")


class StorageError(OSError):
    """A storage's failure. `retryable`: another try later makes sense. The message is for logs and staff only."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class FileRefused(StorageError):
    """The storage never takes this very file: it is too large, or of a kind that is not stored there."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


class FileMissing(StorageError, FileNotFoundError):
    """The storage has no such file."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


@dataclass(frozen=True)
class StoredFile:
    """A file as its storage lists it. `names`: all that a row may call it, the best one first."""

    names: tuple[str, ...]
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True)
class Patience:
    """How long a storage waits for its vendor, in seconds."""

    connect: float = 10
    answer: float = 30  # between two signs of life
    video_answer: float = 120  # an uploaded one is looked into before the answer comes
    pauses: tuple[float, ...] = (0.3, 1.5)  # before each further try
    # Slower than that for long is no link that works: bytes a second. What is larger gets more time to come or to go.
    slowest: float = 50_000
    tries: float = 20  # no further one after that: who waited for a time-out does not wait for a second

    def whole(self, *, answer: float, moved: int = 0) -> float:
        """Seconds for one exchange from the connection to the last byte of a short answer, with so many bytes moved."""
        return self.connect + answer + moved / self.slowest

    def attempt(self, work: Callable[[], _R]) -> _R:
        """What `work` returns; it is repeated a few times while it raises a StorageError that is retryable.

        A request holds no slot meanwhile, and raises Unavailable where too many wait already.
        """
        with concurrency.waiting():
            return self._attempted(work)

    def _attempted(self, work: Callable[[], _R]) -> _R:
        began = time.monotonic()
        for pause in self.pauses:
            try:
                return work()
            except StorageError as exc:
                if not exc.retryable or time.monotonic() - began > self.tries:
                    raise
            time.sleep(pause)
        return work()


def poster_url(*, storage: Storage, name: str) -> str | None:
    """A still of the stored video; None where the storage makes none."""
    derive: Callable[[str], str] | None = getattr(storage, "poster_url", None)
    return derive(name) if derive else None


def attachment_url(*, storage: Storage, name: str, file_name: str) -> str:
    """The file's URL; a browser saves what is there under `file_name`, where the storage can arrange that."""
    derive: Callable[[str, str], str] | None = getattr(storage, "attachment_url", None)
    return derive(name, file_name) if derive else storage.url(name)
