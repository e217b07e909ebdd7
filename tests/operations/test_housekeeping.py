"""Housekeeping in the sweeper; none of it delays the end of the process."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import AccountTask, FormerAddress
from operations.housekeeping import ROUNDS, Housekeeping, Stopped, remove_files, run_housekeeping
from studio.media.storage import disposal
from studio.models import Disposal, TaskState
from tests.conftest import MakeUser
from tests.fakes.cloudinary import FakeCloudinary
from tests.fixtures.video_jobs import MakeJob
from tests.studio.media.cloudinary_files import backend_of
from videos.engine.sweeper import Sweeper
from videos.phases import Phase


@pytest.fixture
def cloudinary(settings: Any) -> Iterator[FakeCloudinary]:
    """Cloudinary as the storage, with production's time-outs; its end ends the calls that hang."""
    with FakeCloudinary() as fake:
        settings.STORAGES = settings.STORAGES | {"default": backend_of(fake)}
        yield fake
    for thread in threading.enumerate():  # an abandoned one would read another test's database
        if thread.name in ROUNDS:
            thread.join(60)


def wait_until(condition: Callable[[], bool]) -> None:
    """Raises AssertionError after a minute."""
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("not in a minute")


def seconds_to_stop(fake: FakeCloudinary, action: str) -> float:
    """The seconds that a sweeper takes to end while the storage hangs in this call."""
    taken: list[float] = []

    async def run() -> None:
        subject = Sweeper(Housekeeping())
        task = asyncio.create_task(subject.run())
        for _ in range(1200):  # a minute, on a busy machine
            await asyncio.sleep(0.05)
            if fake.calls(action):
                break
        taken.append(time.monotonic())
        subject.stop()
        await task

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    thread.join()
    return time.monotonic() - taken[0]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_storage_that_hangs_in_reconciliation_does_not_delay_the_end(
    cloudinary: FakeCloudinary, make_user: MakeUser, make_job: MakeJob
) -> None:
    ann = make_user()
    for _ in range(3):
        make_job(ann, phase=Phase.SUCCEEDED)
    cloudinary.script("head", "hang", times=100)

    seconds = seconds_to_stop(cloudinary, "head")

    assert seconds < 4
    assert len(cloudinary.calls("head")) == 3  # side by side; none is asked again


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_storage_that_hangs_in_a_removal_does_not_delay_the_end(cloudinary: FakeCloudinary) -> None:
    disposal.dispose(["videos/1.mp4", "videos/2.mp4"])
    Disposal.objects.update(due_at="2026-01-01T00:00Z")
    cloudinary.script("destroy", "hang", times=100)

    seconds = seconds_to_stop(cloudinary, "destroy")

    assert seconds < 4
    assert Disposal.objects.count() == 2


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_files_are_removed_while_reconciliation_hangs(
    cloudinary: FakeCloudinary, make_user: MakeUser, make_job: MakeJob
) -> None:
    make_job(make_user(), phase=Phase.SUCCEEDED)
    cloudinary.script("head", "hang", times=100)
    subject = Housekeeping()

    subject.start()
    wait_until(lambda: bool(cloudinary.calls("head")))
    disposal.dispose(["videos/1.mp4"])
    wait_until(lambda: not Disposal.objects.exists())
    subject.stop()
    subject.wait()

    assert [call["public_id"] for call in cloudinary.calls("destroy")] == ["ai-studio/videos/1"]


@pytest.mark.django_db
def test_interrupted_daily_tasks_are_repeated() -> None:
    disposal.dispose(["videos/1.mp4"])
    Disposal.objects.update(due_at="2026-01-01T00:00Z")
    stopping = threading.Event()
    stopping.set()

    remove_files(stopping)
    with pytest.raises(Stopped):
        run_housekeeping(stopping)
    waiting = TaskState.objects.filter(name="daily", due_at__gt=Now())
    interrupted = (Disposal.objects.count(), waiting.exists())
    remove_files(threading.Event())
    run_housekeeping(threading.Event())

    assert interrupted == (1, False)
    assert (Disposal.objects.count(), TaskState.objects.filter(name="daily", due_at__gt=Now()).exists()) == (
        0,
        True,
    )
    assert not default_storage.exists("videos/1.mp4")


@pytest.mark.django_db
def test_round_removes_all_due_files_except_refused_ones(cloudinary: FakeCloudinary) -> None:
    disposal.dispose([f"videos/{number}.mp4" for number in range(120)])
    Disposal.objects.update(due_at="2026-01-01T00:00Z")
    cloudinary.script("destroy", "500", times=3)

    remove_files(threading.Event())

    assert Disposal.objects.count() == 3  # due again in a minute
    assert len(cloudinary.calls("destroy")) == 120


@pytest.mark.django_db
def test_exports_and_former_addresses_expire_without_the_daily_purge(make_user: MakeUser, settings: Any) -> None:
    settings.PURGE_DAILY = False
    now, ann = timezone.now(), make_user()
    for age, content in ((timedelta(hours=25), b"old"), (timedelta(hours=23), b"new")):
        fields: dict[str, Any] = {"finished_at": now - age, "due_at": now, "content": content}
        AccountTask.objects.create(kind="export", user=ann, **fields)
    for digest, expires_at in (("old", now - timedelta(hours=1)), ("new", now + timedelta(hours=1))):
        FormerAddress.objects.create(digest=digest, expires_at=expires_at)

    run_housekeeping(threading.Event())

    kept = [
        bytes(content or b"")
        for content in AccountTask.objects.order_by("finished_at").values_list("content", flat=True)
    ]
    assert kept == [b"", b"new"]
    assert list(FormerAddress.objects.values_list("digest", flat=True)) == ["new"]
