"""What our storages add to Django's `Storage`: failures, time-outs with retries, and derived URLs."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.core.files.storage import Storage

from studio.http import concurrency

NAME_MAX = 300  # characters of a stored name; the columns' width
_R = TypeVar("_R")


class StorageError(OSError):
    """A storage's failure. `retryable`: a later try may succeed. The message is for logs and staff only."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class FileRefused(StorageError):
    """The storage rejects this file for good: it is too large or of an unsupported kind."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


class FileMissing(StorageError, FileNotFoundError):
    """The storage has no such file."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


@dataclass(frozen=True)
class StoredFile:
    """A file in a storage's listing. `names`: every name that a row may have for it, the preferred one first."""

    names: tuple[str, ...]
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True)
class Timeouts:
    """Time-outs in seconds for calls to a storage's vendor, and the number of attempts."""

    connect: float = 10
    response: float = 30  # between two bytes
    video_response: float = 120  # Cloudinary inspects an uploaded video before it responds
    retry_pauses: tuple[float, ...] = (0.3, 1.5)
    min_rate: float = 50_000  # bytes a second; a slower link counts as broken, and larger files get more time
    retry_seconds: float = 20  # no retry after this time: one time-out is enough of a wait

    def total(self, *, response: float, moved: int = 0) -> float:
        """Seconds for one exchange, from the connection to the end of the response, that moves this many bytes."""
        return self.connect + response + moved / self.min_rate

    def retry(self, work: Callable[[], _R]) -> _R:
        """Call `work`, again after a retryable StorageError, and return its result.

        A web request gives up its slot meanwhile, and raises Unavailable if too many already wait.
        """
        with concurrency.waiting():
            began = time.monotonic()
            for pause in self.retry_pauses:
                try:
                    return work()
                except StorageError as exc:
                    if not exc.retryable or time.monotonic() - began > self.retry_seconds:
                        raise
                time.sleep(pause)
            return work()


def poster_url(*, storage: Storage, name: str) -> str | None:
    """The URL of a still of the stored video; None if the storage makes none."""
    derive: Callable[[str], str] | None = getattr(storage, "poster_url", None)
    return derive(name) if derive else None


def sized_url(*, storage: Storage, name: str, side: int) -> str:
    """The URL of the stored picture with at most `side` pixels, or of the whole picture if the storage makes none."""
    derive: Callable[[str, int], str] | None = getattr(storage, "sized_url", None)
    return derive(name, side) if derive else storage.url(name)


def attachment_url(*, storage: Storage, name: str, file_name: str) -> str:
    """The URL at which a browser saves the file, under `file_name` if the storage supports that."""
    derive: Callable[[str, str], str] | None = getattr(storage, "attachment_url", None)
    return derive(name, file_name) if derive else storage.url(name)
