"""Checks that the storage has the videos that rows refer to: several at once, paced, holding no connection."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from queue import Empty, SimpleQueue
from typing import Any

from django.core.files.storage import FileSystemStorage
from django.db import connection

from operations.reconciliation.mismatches import Mismatch
from studio.media.storage import media_storage

THREADS = 8  # requests at once; half of the connections that studio.media.storage.remote keeps
# Failures in one page after which the storage is at fault, not a file; as many as threads, so that all threads' first
# requests are enough to know.
FAILURES_MAX = THREADS
STOP_CHECK_SECONDS = 0.2  # between two calls of check_stopped

Reply = bool | Exception  # whether the storage has the file, or what it raised


class StorageFails(Exception):
    """The storage fails request after request; the message is a sentence with the reason."""

    def __init__(self, sentence: str, *, found: Sequence[Mismatch]) -> None:
        super().__init__(sentence)
        self.found = found  # earlier in the page


class Pace:
    """Spaces the requests of all threads evenly, at most `per_second`."""

    def __init__(self, per_second: float) -> None:
        self._pause = 1 / per_second
        self._next = time.monotonic()
        self._lock = threading.Lock()

    def wait(self, stopping: threading.Event) -> None:
        """Return when it is this request's turn, or the event is set."""
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + self._pause
        stopping.wait(turn - time.monotonic())


def lost_files(
    jobs: Sequence[tuple[Any, ...]], *, pace: Pace | None = None, check_stopped: Callable[[], None] = lambda: None
) -> list[Mismatch]:
    """Return these jobs' videos that the storage lacks or fails on; `jobs` are pairs of id and file name.

    `pace` applies to a storage service only, not to a folder. `check_stopped` is called a few times a second, and may
    raise. Raises StorageFails after FAILURES_MAX failures, within the time-out of one request.
    """
    found, failures = [], 0
    if not connection.in_atomic_block:
        connection.close()  # not held while the storage responds; the next statement opens another one
    with closing(_Requests(jobs, pace)) as requests:
        for pk, name, reply in requests.replies(check_stopped):
            if isinstance(reply, Exception):
                failures += 1
                sentence = f"The storage failed to check {name}, the video of job {pk}: {reply}."
                found.append(Mismatch("storage", sentence))
                if failures == FAILURES_MAX:
                    raise StorageFails(f"The storage fails: {reply}.", found=found) from reply
            elif not reply:
                found.append(Mismatch("lost file", f"Job {pk} succeeded, but its video {name} is gone."))
    return found


class _Requests:
    """Checks the files of a page of jobs in threads.

    Not concurrent.futures: Python joins its threads when a process ends, and a storage may hang.
    """

    def __init__(self, jobs: Sequence[tuple[Any, ...]], pace: Pace | None) -> None:
        self._storage = media_storage()
        self._pace = None if isinstance(self._storage, FileSystemStorage) else pace
        self._left = len(jobs)
        self._waiting: SimpleQueue[tuple[Any, ...]] = SimpleQueue()
        self._replies: SimpleQueue[tuple[Any, str, Reply]] = SimpleQueue()
        self._stopping = threading.Event()
        for job in jobs:
            self._waiting.put(job)
        for number in range(min(THREADS, len(jobs))):
            threading.Thread(target=self._work, name=f"storage {number}", daemon=True).start()

    def replies(self, check_stopped: Callable[[], None]) -> Iterator[tuple[Any, str, Reply]]:
        """Yield id, file name and reply as they come."""
        while self._left:
            check_stopped()
            try:
                reply = self._replies.get(timeout=STOP_CHECK_SECONDS)
            except Empty:
                continue
            self._left -= 1
            yield reply

    def close(self) -> None:
        """Send no more requests; a thread that waits for a response ends with it."""
        self._stopping.set()

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                pk, name = self._waiting.get_nowait()
            except Empty:
                return
            if self._pace:
                self._pace.wait(self._stopping)
            if not self._stopping.is_set():
                self._replies.put((pk, str(name), self._check(str(name))))

    def _check(self, name: str) -> Reply:
        try:
            return bool(self._storage.exists(name))
        except Exception as exc:  # a storage backend raises what its vendor raises
            return exc
