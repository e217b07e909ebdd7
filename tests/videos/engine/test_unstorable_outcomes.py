"""A provider's message may contain text that no database stores: the job ends with the reason all the same."""

from typing import Any

import pytest
from django.db import DataError, OperationalError

from accounts import ledger
from accounts.models import LedgerEntry
from studio.media.storage.base import StorageError
from tests.conftest import MakeUser
from tests.fakes.google import FakeGoogle
from tests.fixtures.video_jobs import MakeJob, make_due, poll_due_jobs
from tests.videos.engine.test_paid_path import PAID, drive, google
from videos import creation
from videos.engine import outcomes, poll, schedule, submit, transfer_failures
from videos.models import VideoJob, new_lease
from videos.phases import Phase
from videos.providers.base import (
    Finished,
    NotAccepted,
    NotCharged,
    Operation,
    Progress,
    ProviderError,
    Refused,
    Unreachable,
)
from videos.recovery.adoption import adopt_operation

__all__ = ["google"]  # a fixture
pytestmark = [pytest.mark.django_db, pytest.mark.slow]
ODD = "half \ud83d of a pair, and \0"
SHOWN = "half \ufffd of a pair, and \ufffd"


@pytest.fixture
def generating(make_user: MakeUser, make_job: MakeJob) -> VideoJob:
    ann = make_user()
    job = make_job(ann, phase=Phase.GENERATING)
    ledger.charge(account=ledger.lock_account(user_id=ann.pk), job_id=job.pk, tokens=50)
    return job


def applied(job: VideoJob, seen: Any) -> VideoJob:
    poll.apply_poll_result(job=VideoJob.objects.get(pk=job.pk), result=seen)
    job.refresh_from_db()
    return job


@pytest.mark.parametrize(
    ("seen", "phase", "code"),
    [
        (Refused(ODD, code="content_filtered"), Phase.FAILED, "content_filtered"),
        (NotCharged(ODD), Phase.QUEUED, ""),
        (Unreachable(ODD), Phase.GENERATING, ""),
        (Progress(note=ODD), Phase.GENERATING, ""),
    ],
)
def test_poll_counts_whatever_its_words_are(generating: VideoJob, seen: Any, phase: Phase, code: str) -> None:
    job = applied(generating, seen)

    assert (job.phase, job.error_code) == (phase, code)
    assert isinstance(seen, NotCharged) or job.provider_reply.strip() == SHOWN


def test_odd_note_is_news_once(generating: VideoJob) -> None:
    seen = Progress(note=ODD)
    before = poll.is_news(generating, seen)

    assert (before, poll.is_news(applied(generating, seen), seen)) == (True, False)


def test_half_a_surrogate_in_googles_words_ends_the_job_as_any_words_do(
    google: FakeGoogle, make_user: MakeUser
) -> None:
    google.script("work", "error", message=ODD)

    job = drive(creation.create(owner=make_user(), job_request=PAID))

    assert (job.phase, job.error_code) == (Phase.FAILED, "generation_failed")
    assert SHOWN in job.provider_reply


@pytest.mark.parametrize("name", [ODD, "x" * 1001, ""])
def test_operation_whose_name_cannot_be_stored_may_have_been_paid_for(
    make_user: MakeUser, make_job: MakeJob, name: str
) -> None:
    job = make_job(make_user(), phase=Phase.SUBMITTING, lease=new_lease())

    submit._accept(job, Operation(name, 1), 0)

    job.refresh_from_db()
    assert (job.phase, job.error_code, job.slot) == (Phase.FAILED, "submission_unknown", None)
    assert job.provider_reply.startswith("accepted under a name that cannot be stored: ")


def test_result_that_cannot_be_stored_backs_off_and_ends_with_the_reason(generating: VideoJob) -> None:
    waits = []
    for _ in range(schedule.STORE_TRIES - 1):
        job = applied(generating, Finished("https://x/\ud800"))
        assert (job.phase, job.due_at is not None) == (Phase.GENERATING, True)
        waits.append(job.store_tries)
    job = applied(generating, Finished("https://x/\ud800"))

    assert waits == list(range(1, schedule.STORE_TRIES))
    assert (job.phase, job.error_code, job.slot) == (Phase.FAILED, "result_unreadable", None)
    assert "could not be stored (UnicodeEncodeError" in job.provider_reply
    assert job.generated_at is not None  # made, and billed
    entries = LedgerEntry.objects.filter(video_job_id=job.pk).order_by("created_at", "id")
    assert list(entries.values_list("kind", "amount")) == [("charge", -50), ("refund", 50)]


def test_outage_of_the_provider_uses_up_no_try_of_a_result_that_cannot_be_stored(generating: VideoJob) -> None:
    for _ in range(schedule.STORE_TRIES - 1):
        applied(generating, Unreachable("503"))

    once = applied(generating, Finished("https://x/\ud800")).phase
    stored = applied(generating, Finished("https://x/1"))

    assert (once, stored.phase, stored.result) == (Phase.GENERATING, Phase.STORING, "https://x/1")


@pytest.mark.parametrize("ends", [False, True])
def test_tries_begin_anew_once_an_outcome_is_stored(generating: VideoJob, ends: bool) -> None:
    for _ in range(schedule.STORE_TRIES - 1):
        applied(generating, Finished("\ud800"))
    if ends:
        applied(generating, Refused("stalled", code="generation_stalled"))
        adopt_operation(job_id=generating.pk, operation="mock?began=7&seconds=1&scenario=", actor=None)
    else:
        assert poll.is_news(generating, Progress())
        applied(generating, Progress())

    assert applied(generating, Finished("\ud800")).phase == Phase.GENERATING


def test_any_fault_of_the_data_counts_and_an_outage_does_not(
    generating: VideoJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[Exception] = [OperationalError("server closed the connection"), DataError("integer out of range")]

    def fail(*args: Any, **kwargs: Any) -> None:
        raise faults.pop(0)

    monkeypatch.setattr(outcomes, "fail", fail)
    with pytest.raises(OperationalError):
        applied(generating, Refused("no"))
    before = VideoJob.objects.get(pk=generating.pk).store_tries

    job = applied(generating, Refused("no"))

    assert (before, job.store_tries, job.phase) == (0, 1, Phase.GENERATING)
    assert "integer out of range" in job.provider_reply


def test_outcome_of_a_submit_that_cannot_be_stored_ends_the_job_at_once(
    make_user: MakeUser, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(make_user(), phase=Phase.SUBMITTING, lease=new_lease())

    def refuse(job: VideoJob, operation: Operation) -> bool:
        raise DataError("value too long")

    assert submit._store_outcome(refuse, job, Operation("operations/7", 1)) is None

    job.refresh_from_db()
    assert (job.phase, job.error_code) == (Phase.FAILED, "submission_unknown")
    assert all(words in job.provider_reply for words in ("value too long", "operations/7"))


def test_sure_refusal_that_cannot_be_stored_is_not_called_unknown(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.SUBMITTING, lease=new_lease())

    def retry_later(job: VideoJob, attempts: int, exc: NotAccepted) -> None:
        raise DataError("value too long")

    submit._store_outcome(retry_later, job, 0, NotAccepted("over quota"))

    job.refresh_from_db()
    assert (job.phase, job.error_code) == (Phase.FAILED, "provider_busy")
    assert all(words in job.provider_reply for words in ("value too long", "over quota"))


@pytest.mark.parametrize("exc", [StorageError(ODD, retryable=True), ProviderError(ODD, code="result_unreadable")])
def test_failed_transfer_is_retried_or_ends_whatever_its_words_are(
    make_user: MakeUser, make_job: MakeJob, exc: Exception
) -> None:
    job = make_job(make_user(), phase=Phase.STORING)

    transfer_failures.retry_or_fail(job, exc)

    job.refresh_from_db()
    assert (job.phase, job.provider_reply) == (Phase.STORING if isinstance(exc, StorageError) else Phase.FAILED, SHOWN)


def test_next_poll_comes_after_the_back_off(generating: VideoJob, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unstorable(job: VideoJob, request: Any) -> Finished:
        return Finished("\ud800")

    monkeypatch.setattr(poll, "poll", unstorable)
    make_due(generating)
    before = VideoJob.objects.get(pk=generating.pk)

    poll_due_jobs()

    generating.refresh_from_db()
    assert before.due_at
    assert generating.due_at
    assert (generating.due_at - before.due_at).total_seconds() > schedule.POLL_EVERY
