"""Checks of stored files: parallel, paced, without a database connection, and their failures."""

import threading
import time
import uuid
from typing import Any

import pytest
from django.core.files.storage import Storage
from django.db import connection

from operations.reconciliation.lost_files import FAILURES_MAX, THREADS, Pace, StorageFails, lost_files

Job = tuple[uuid.UUID, str]


class SlowStorage(Storage):
    """Has every file except those named `lost…`, fails on `bad…`, and records its calls."""

    def __init__(self) -> None:
        self.at_once = self.most_at_once = self.asked = 0
        self.lock = threading.Lock()

    def exists(self, name: str) -> bool:
        with self.lock:
            self.asked += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(0.02)
        with self.lock:
            self.at_once -= 1
        if name.startswith("bad"):
            raise OSError("no answer")
        return not name.startswith("lost")


@pytest.fixture
def storage(settings: Any) -> SlowStorage:
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": "tests.operations.reconciliation.test_lost_files.SlowStorage"}
    }
    from django.core.files.storage import storages  # noqa: PLC0415 - made anew with the settings

    found = storages["default"]
    assert isinstance(found, SlowStorage)
    return found


def jobs(*names: str) -> list[Job]:
    return [(uuid.uuid4(), name) for name in names]


def test_lost_files_and_failures_are_named_with_their_jobs(storage: SlowStorage) -> None:
    asked = jobs("here", "lost.mp4", "bad.mp4", "also here")

    found = sorted((mismatch.kind, mismatch.sentence) for mismatch in lost_files(asked))

    assert found == [
        ("lost file", f"Job {asked[1][0]} succeeded, but its video lost.mp4 is gone."),
        ("storage", f"The storage failed to check bad.mp4, the video of job {asked[2][0]}: no answer."),
    ]


def test_two_jobs_of_one_file_are_both_named(storage: SlowStorage) -> None:
    assert len(lost_files(jobs("lost.mp4", "lost.mp4"))) == 2


def test_eight_requests_run_at_once_and_no_more(storage: SlowStorage) -> None:
    assert lost_files(jobs(*(f"{number}.mp4" for number in range(40)))) == []

    assert (storage.asked, 1 < storage.most_at_once <= THREADS) == (40, True)


def test_many_failures_mean_that_the_storage_fails(storage: SlowStorage) -> None:
    with pytest.raises(StorageFails, match=r"The storage fails: no answer\."):
        lost_files(jobs(*["bad.mp4"] * 100))

    assert storage.asked < FAILURES_MAX + 2 * THREADS


def test_stop_is_noticed_while_the_storage_hangs(storage: SlowStorage) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lost_files(jobs(*["a.mp4"] * 1000), check_stopped=stop)

    assert storage.asked <= 2 * THREADS


def test_threads_share_one_pace(storage: SlowStorage) -> None:
    began = time.monotonic()

    lost_files(jobs(*["a.mp4"] * 21), pace=Pace(50))

    assert time.monotonic() - began >= 0.4  # twenty pauses of 20 ms


@pytest.mark.django_db(transaction=True)
def test_no_connection_is_held_meanwhile(storage: SlowStorage) -> None:
    connection.ensure_connection()
    seen: list[bool] = []

    lost_files(jobs("a.mp4"), check_stopped=lambda: seen.append(connection.connection is None))

    assert seen
    assert all(seen)
