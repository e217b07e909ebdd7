"""Handling of poll results: unknown states, work given up at no charge, and failures that staff can adopt."""

import uuid
from copy import copy
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts import ledger
from accounts.models import LedgerEntry
from operations.statistics import figures
from studio.errors import Conflict
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob
from videos.engine import outcomes, poll, schedule, submit
from videos.failures import ADOPTABLE, FAILURES
from videos.models import Upstream, VideoJob
from videos.phases import Phase
from videos.providers.base import Finished, NotCharged, Operation, Progress, Refused, Unreachable
from videos.recovery.adoption import adopt_operation

pytestmark = pytest.mark.django_db
PAID = {"provider": "google_omni", "upstream_model": "gemini-omni-1.2-flash", "mock_mode": False, "operation": "v1_7"}
AUDIO = NotCharged("We encountered an issue with the audio. You have not been charged.")


@pytest.fixture
def job(make_user: MakeUser, make_job: MakeJob) -> VideoJob:
    return make_job(make_user(), phase=Phase.GENERATING, progress_percentage=40, **PAID)


def apply(job: VideoJob, result: Any) -> VideoJob:
    poll.apply_poll_result(job=VideoJob.objects.get(pk=job.pk), result=result)
    job.refresh_from_db()
    return job


def test_unknown_state_is_logged_once_a_job(job: VideoJob, caplog: pytest.LogCaptureFixture) -> None:
    result = Progress(note='status "thinking"')
    needs_a_write = []

    for _ in range(3):
        needs_a_write.append(poll.is_news(job, result))
        apply(job, result)

    said = [(record.getMessage(), record.__dict__["reason"]) for record in caplog.records]
    assert said == [("operation.state_unknown", 'status "thinking"')]
    assert needs_a_write == [True, False, False]
    assert (job.phase, job.provider_reply) == (Phase.GENERATING, 'status "thinking"')


def test_states_that_alternate_are_each_logged_once(job: VideoJob, caplog: pytest.LogCaptureFixture) -> None:
    for word in ("idle", "processing", "idle", "processing", "idle"):
        apply(job, Progress(note=f"status {word}"))

    assert [record.__dict__["reason"] for record in caplog.records] == ["status idle", "status processing"]


def test_video_that_was_made_but_not_read_counts_as_made(job: VideoJob) -> None:
    Upstream.objects.filter(upstream_model=PAID["upstream_model"]).update(prices={"720p": "0.5"})

    apply(job, Refused("no video in it", code="result_unreadable"))

    assert (job.phase, job.error_code, job.generated_at is not None) == (Phase.FAILED, "result_unreadable", True)
    assert figures(since=job.created_at - timedelta(seconds=1)).dollars == Decimal("0.5") * job.duration_seconds


def test_work_that_was_not_charged_is_sent_again(job: VideoJob) -> None:
    VideoJob.objects.filter(pk=job.pk).update(submit_attempts=1)

    apply(job, AUDIO)

    assert (job.phase, job.status, job.slot, job.attempts) == (Phase.QUEUED, "PENDING", 1, 2)
    assert (job.operation, job.progress_percentage, job.lease_until) == ("", 40, job.due_at)
    assert [(line.level, line.message) for line in job.logs.all()] == [
        ("warning", "The video service gave up on this video and charged nothing; trying again shortly.")
    ]
    assert not LedgerEntry.objects.filter(video_job_id=job.pk).exists()


def test_work_that_is_never_charged_ends_with_the_attempts_of_a_submit(job: VideoJob) -> None:
    ledger.charge(account=ledger.lock_account(user_id=job.owner_id), job_id=job.pk, tokens=50)
    sent = 0
    while apply(job, AUDIO).phase == Phase.QUEUED:
        VideoJob.objects.filter(pk=job.pk).update(lease_until=None)
        job.refresh_from_db()
        assert VideoJob.objects.transition(
            job, Phase.SUBMITTING, lease=uuid.uuid4(), due_at=job.due_at, attempts=job.attempts
        )
        assert submit._store_operation(job, Operation(f"v1_{sent}", 1), 0)
        sent += 1

    assert sent == len(schedule.SUBMIT_BACKOFF)
    assert (job.phase, job.error_code, job.slot) == (Phase.FAILED, "generation_failed", None)
    # the provider charged nothing, so neither do we
    entries = LedgerEntry.objects.filter(video_job_id=job.pk).order_by("created_at")
    assert list(entries.values_list("kind", "amount")) == [("charge", -50), ("refund", 50)]


def test_accepted_job_keeps_its_progress_when_it_was_sent_again(job: VideoJob) -> None:
    apply(job, AUDIO)
    VideoJob.objects.transition(job, Phase.SUBMITTING, lease=uuid.uuid4(), due_at=job.due_at, attempts=job.attempts)

    submit._store_operation(job, Operation("v1_8", 1), 0)

    job.refresh_from_db()
    assert (job.phase, job.progress_percentage, job.submit_attempts) == (Phase.GENERATING, 40, 1)


def test_late_poll_of_the_former_operation_changes_nothing(job: VideoJob) -> None:
    late = VideoJob.objects.get(pk=job.pk)
    apply(job, AUDIO)
    VideoJob.objects.transition(job, Phase.SUBMITTING, lease=uuid.uuid4(), due_at=job.due_at, attempts=job.attempts)
    submit._store_operation(job, Operation("v1_8", 1), 0)
    before = VideoJob.objects.filter(pk=job.pk).values().get()

    for result in (Finished("https://files/7"), AUDIO, Progress(note="x"), Unreachable("x"), Refused("x")):
        poll.apply_poll_result(job=copy(late), result=result)

    assert VideoJob.objects.filter(pk=job.pk).values().get() == before


def test_adopted_job_is_never_sent_again(job: VideoJob) -> None:
    VideoJob.objects.filter(pk=job.pk).update(started_at="2026-01-01T00:00:00Z")
    outcomes.fail(job=VideoJob.objects.get(pk=job.pk), code="submission_unknown")
    adopt_operation(job_id=job.pk, operation="v1_7", actor=None)

    apply(job, Unreachable("503"))
    still = job.phase
    apply(job, AUDIO)

    assert (still, job.phase, job.error_code) == (Phase.GENERATING, Phase.FAILED, "generation_failed")


@pytest.mark.parametrize("code", sorted(ADOPTABLE))
def test_job_that_may_have_been_billed_is_adopted(job: VideoJob, code: str) -> None:
    outcomes.fail(job=job, code=code, detail='{"status": "completed"}')

    adopt_operation(job_id=job.pk, operation=job.operation, actor=None)

    job.refresh_from_db()
    assert (job.phase, job.slot, job.error_code, job.operation) == (Phase.GENERATING, 1, "", "v1_7")


@pytest.mark.parametrize("code", sorted(set(FAILURES) - ADOPTABLE))
def test_job_that_was_not_billed_is_not_adopted(job: VideoJob, code: str) -> None:
    outcomes.fail(job=job, code=code)

    with pytest.raises(Conflict):
        adopt_operation(job_id=job.pk, operation=job.operation, actor=None)
