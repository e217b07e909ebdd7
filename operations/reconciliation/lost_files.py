"""Asks the storage whether it has the videos that rows refer to: several at once, paced, and without a connection."""

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

THREADS = 8  # questions at once; half of the connections that studio.media.storage.remote keeps
# Failures in one page, after which it is the storage that fails and not a file; as many as threads, so that they come
# in one round of questions.
FAILURES_MAX = THREADS
LISTEN_SECONDS = 0.2  # between two looks at whether to stop

Answer = bool | Exception


class StorageFails(Exception):
    """The storage answers none of many questions; the message is a sentence with the reason."""

    def __init__(self, sentence: str, *, found: Sequence[Mismatch]) -> None:
        super().__init__(sentence)
        self.found = found  # in the page before


class Pace:
    """At most so many questions a second, evenly; all threads together."""

    def __init__(self, per_second: float) -> None:
        self._pause = 1 / per_second
        self._next = time.monotonic()
        self._lock = threading.Lock()

    def wait(self, stopping: threading.Event) -> None:
        """Return when it is this question's turn, or the event is set."""
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + self._pause
        stopping.wait(turn - time.monotonic())


def lost_files(
    jobs: Sequence[tuple[Any, ...]], *, pace: Pace | None = None, go_on: Callable[[], None] = lambda: None
) -> list[Mismatch]:
    """What is not in the storage of these jobs' videos, or could not be asked for; `jobs` are pairs of id and name.

    A pace counts for a storage service only; a folder has none. `go_on` is called a few times a second, and may raise.
    Raises StorageFails after FAILURES_MAX failures, within the time-outs of one question each.
    """
    found, failures = [], 0
    if not connection.in_atomic_block:
        connection.close()  # the storage is waited for; the next statement opens another one
    with closing(_Asked(jobs, pace)) as asked:
        for pk, name, answer in asked.answers(go_on):
            if isinstance(answer, Exception):
                failures += 1
                sentence = f"The storage could not be asked for {name}, the video of job {pk}: {answer}."
                found.append(Mismatch("storage", sentence))
                if failures == FAILURES_MAX:
                    raise StorageFails(f"The storage fails: {answer}.", found=found) from answer
            elif not answer:
                found.append(Mismatch("lost file", f"Job {pk} succeeded, and its video {name} is gone."))
    return found


class _Asked:
    """Questions about a page of jobs, asked by threads.

    Not with concurrent.futures: Python waits for its threads at the end of a process, and a storage may hang.
    """

    def __init__(self, jobs: Sequence[tuple[Any, ...]], pace: Pace | None) -> None:
        self._storage = media_storage()
        self._pace = None if isinstance(self._storage, FileSystemStorage) else pace
        self._left = len(jobs)
        self._questions: SimpleQueue[tuple[Any, ...]] = SimpleQueue()
        self._answers: SimpleQueue[tuple[Any, str, Answer]] = SimpleQueue()
        self._stopping = threading.Event()
        for job in jobs:
            self._questions.put(job)
        for number in range(min(THREADS, len(jobs))):
            threading.Thread(target=self._work, name=f"storage {number}", daemon=True).start()

    def answers(self, go_on: Callable[[], None]) -> Iterator[tuple[Any, str, Answer]]:
        """The id, the name, and whether the storage has it or what it raised, as the answers come."""
        while self._left:
            go_on()
            try:
                answer = self._answers.get(timeout=LISTEN_SECONDS)
            except Empty:
                continue
            self._left -= 1
            yield answer

    def close(self) -> None:
        """Ask nothing more; a thread that waits for an answer ends with it."""
        self._stopping.set()

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                pk, name = self._questions.get_nowait()
            except Empty:
                return
            if self._pace:
                self._pace.wait(self._stopping)
            if not self._stopping.is_set():
                self._answers.put((pk, str(name), self._ask(str(name))))

    def _ask(self, name: str) -> Answer:
        try:
            return bool(self._storage.exists(name))
        except Exception as exc:  # a storage backend raises what its vendor raises
            return exc
