"""The daily reconciliation: money first, findings at once, failures of the storage, and resuming after a stop."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts import ledger
from accounts.models import TokenAccount, User
from operations.reconciliation import comparison, daily, lost_files
from operations.reconciliation.daily import resume_run
from operations.reconciliation.runs import claim, last_reconciliation
from operations.reconciliation.stray_files import stored_names
from studio.models import TaskState
from tests.conftest import MakeUser
from tests.fakes.cloudinary import FakeCloudinary
from tests.fixtures.video_jobs import MakeJob
from tests.studio.media.cloudinary_files import backend_of
from videos.limits import add_to_job_count
from videos.models import VideoJob
from videos.phases import Phase

pytestmark = pytest.mark.django_db


class Stop(Exception):
    """Stands for the end of the process."""


class StopAfter:
    """Ends the process at the stop check with this number."""

    def __init__(self, checks: int) -> None:
        self.left = checks

    def __call__(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Stop


def check_stopped() -> None:
    """Nothing stops it."""


@pytest.fixture
def cloudinary(settings: Any) -> Iterator[FakeCloudinary]:
    with FakeCloudinary() as fake:
        settings.STORAGES = settings.STORAGES | {"default": backend_of(fake)}
        yield fake


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daily, "PER_SECOND", 10_000)


@pytest.fixture
def owner(make_user: MakeUser) -> User:
    for name in list(stored_names(default_storage)):
        default_storage.delete(name)
    return make_user()


@pytest.fixture
def make_paid(make_job: MakeJob, owner: User) -> Any:
    """A job with its charge, as the product makes it; it succeeded `days` ago."""

    def make(days: float = 2) -> VideoJob:
        job = make_job(owner, phase=Phase.SUCCEEDED, completed_at=timezone.now() - timedelta(days=days))
        ledger.charge(account=TokenAccount.objects.get(user=owner), job_id=job.pk, tokens=50)
        return job

    return make


def sentences(caplog: Any) -> list[str]:
    return [record.sentence for record in caplog.records if record.message == "mismatch.found"]


def due_now() -> None:
    TaskState.objects.update(due_at=timezone.now() - timedelta(seconds=1))


def test_money_is_compared_before_files(cloudinary: FakeCloudinary, owner: User, make_paid: Any, caplog: Any) -> None:
    make_paid()
    TokenAccount.objects.update(balance=7)
    cloudinary.script("head", "500", times=1000)

    resume_run(check_stopped=check_stopped)

    found = last_reconciliation().found
    assert "has 7 tokens, its entries sum to 950." in sentences(caplog)[0]
    assert (found["balance"], found["storage"]) == (1, 1)
    assert [record.levelname for record in caplog.records if record.message == "mismatch.found"] == ["ERROR"] * 2


def test_wrong_balance_stays_known_when_the_process_ends(owner: User, make_paid: Any, caplog: Any) -> None:
    make_paid()
    TokenAccount.objects.update(balance=7)

    with pytest.raises(Stop):
        resume_run(check_stopped=StopAfter(1))
    at_once = sentences(caplog)
    before = last_reconciliation()
    resume_run(check_stopped=check_stopped)

    assert (len(at_once), before.found["balance"], before.finished_at, before.is_running) == (1, 1, None, True)
    assert (sentences(caplog)[:1], len(sentences(caplog))) == (at_once, 2)  # the other one is the lost video
    assert last_reconciliation().found["balance"] == 1


@pytest.mark.parametrize("checks", range(1, 12))
def test_each_page_is_checked_once_wherever_the_run_was_stopped(
    cloudinary: FakeCloudinary, make_paid: Any, monkeypatch: pytest.MonkeyPatch, checks: int
) -> None:
    monkeypatch.setattr(daily, "PAGE", 2)
    jobs = [make_paid() for _ in range(5)]

    with pytest.raises(Stop):
        resume_run(check_stopped=StopAfter(checks))
    asked_before = len(cloudinary.calls("head"))
    resume_run(check_stopped=check_stopped)

    asked = [call["path"].rpartition("/")[2] for call in cloudinary.calls("head")]
    assert set(asked) == {f"{job.pk}.mp4" for job in jobs}
    assert asked_before <= len(asked) <= 5 + 2  # the page that was broken off
    assert last_reconciliation().found["lost file"] == 5


def test_killed_process_leaves_a_lease_that_runs_out(make_paid: Any) -> None:
    make_paid()
    claim()  # and then kill -9

    resume_run(check_stopped=check_stopped)
    while_leased = last_reconciliation().finished_at
    due_now()
    resume_run(check_stopped=check_stopped)

    assert while_leased is None
    assert last_reconciliation().found["lost file"] == 1


def test_process_that_seemed_dead_changes_nothing_more(make_paid: Any, caplog: Any) -> None:
    make_paid()

    def taken_by_another() -> None:
        due_now()
        assert claim() is not None

    resume_run(check_stopped=taken_by_another)

    assert "reconciliation.lease_lost" in caplog.text
    assert last_reconciliation().finished_at is None


def test_next_run_begins_a_day_after_the_last_one(owner: User, make_paid: Any, caplog: Any) -> None:
    resume_run(check_stopped=check_stopped)
    TokenAccount.objects.update(balance=7)
    resume_run(check_stopped=check_stopped)
    same_day = sentences(caplog)
    due = TaskState.objects.get().due_at
    due_now()
    resume_run(check_stopped=check_stopped)

    assert (same_day, len(sentences(caplog))) == ([], 1)
    assert abs(due - timezone.now() - timedelta(days=1)) < timedelta(minutes=5)


def test_rest_is_checked_an_hour_after_the_storage_failed(
    cloudinary: FakeCloudinary, make_paid: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr(lost_files, "FAILURES_MAX", 1)
    monkeypatch.setattr(daily, "PAGE", 1)
    for _ in range(3):
        make_paid()
    cloudinary.script("head", "403 suspended", skip=1)

    resume_run(check_stopped=check_stopped)
    waiting = last_reconciliation()
    due = TaskState.objects.get().due_at - timezone.now()
    due_now()
    resume_run(check_stopped=check_stopped)

    assert (waiting.is_running, waiting.found["storage"], waiting.found["lost file"]) == (True, 1, 1)
    assert timedelta(minutes=55) < due < timedelta(minutes=65)
    assert last_reconciliation().found | {"storage": 1, "lost file": 3} == last_reconciliation().found
    assert [one for one in sentences(caplog) if "in an hour" in one] == [
        "The storage fails: the delivery responded 403: suspended. The rest is checked in an hour."
    ]
    assert len(cloudinary.calls("head")) == 4


def test_storage_that_fails_all_day_does_not_delay_the_next_comparison_of_money(
    cloudinary: FakeCloudinary, make_paid: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_files, "FAILURES_MAX", 1)
    make_paid()
    cloudinary.script("head", "403", times=1000)

    resume_run(check_stopped=check_stopped)
    row = TaskState.objects.get()
    row.state["current"]["began_at"] = (timezone.now() - timedelta(hours=25)).isoformat()
    row.save(update_fields=["state"])
    due_now()
    resume_run(check_stopped=check_stopped)
    finished = last_reconciliation()
    TokenAccount.objects.update(balance=7)
    resume_run(check_stopped=check_stopped)

    assert (finished.finished_at is None, finished.found["storage"]) == (False, 3)  # and the video
    assert last_reconciliation().found["balance"] == 1


def test_new_videos_come_first_and_the_others_take_turns(
    cloudinary: FakeCloudinary, make_paid: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily, "PAGE", 2)
    settings.RECONCILE_FILES_MINUTES = 0  # one page of each
    old = sorted(str(make_paid(days=9).pk) for _ in range(5))
    new = str(make_paid(days=0).pk)

    asked = []
    for _ in range(5):
        TaskState.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        resume_run(check_stopped=check_stopped)
        asked.append([call["path"].rpartition("/")[2][:36] for call in cloudinary.calls("head")])
        cloudinary.account.calls.clear()

    order = sorted([*old, new])
    pages = [[key for key in order[begin : begin + 2] if key != new] for begin in (0, 2, 4)]
    assert [day[0] for day in asked] == [new] * 5  # again within the hour of overlap
    assert [sorted(day[1:]) for day in asked[:3]] == pages
    assert sorted(asked[3][1:] + asked[4][1:]) == pages[0]  # a page may end with the table


def test_new_video_that_is_lost_counts_once_a_run(make_paid: Any, caplog: Any) -> None:
    for days in (0, 0.1, 0.2, 9):
        make_paid(days=days)

    resume_run(check_stopped=check_stopped)

    assert last_reconciliation().found["lost file"] == len(sentences(caplog)) == 4


def test_stray_files_of_a_folder_are_found_in_turns(owner: User, settings: Any) -> None:
    settings.RECONCILE_FILES_MINUTES = 0  # one part of the names
    for number in range(1, 9):  # the parts follow from the names
        default_storage.save(f"videos/{'x' * number}.mp4", ContentFile(b"x"))

    found = []
    for _ in range(daily.STRAY_PARTS):
        due_now()
        resume_run(check_stopped=check_stopped)
        found.append(last_reconciliation().found["stray file"])

    assert (sum(found), max(found) < 8) == (8, True)


def test_wrong_counts_and_copies_are_fixed_and_no_mismatch(owner: User, make_paid: Any, caplog: Any) -> None:
    job = make_paid()
    default_storage.save(str(job.video.name), ContentFile(b"x"))
    add_to_job_count(user_id=owner.pk, more=6)
    VideoJob.objects.update(tokens_refunded=50)

    resume_run(check_stopped=check_stopped)

    job.refresh_from_db()
    assert (TokenAccount.objects.get().video_job_count, job.tokens_refunded, sentences(caplog)) == (1, 0, [])
    assert [record.kind for record in caplog.records if record.message == "mismatch.fixed"] == ["count", "refund"]


def test_money_ends_when_its_time_is_up_and_continues_the_next_day(
    make_paid: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr(comparison, "JOBS_PAGE", 2)
    monkeypatch.setattr(daily, "MONEY_SECONDS", -1)  # one page of each
    for job in [make_paid() for _ in range(5)]:
        default_storage.save(str(job.video.name), ContentFile(b"x"))
    TokenAccount.objects.update(balance=750)
    VideoJob.objects.update(tokens_charged=20)

    found = []
    for _ in range(3):
        due_now()
        resume_run(check_stopped=check_stopped)
        found.append(last_reconciliation().found["charge"])

    assert found == [2, 2, 1]
    assert len(set(sentences(caplog))) == 5
