"""Temporary refusals of a submit: sure ones are waited for, doubtful ones are sent twice at most."""

from typing import Any

import pytest

from accounts.models import LedgerEntry
from studio.media.storage.base import StorageError
from tests.conftest import MakeUser
from tests.fakes.google import FakeGoogle
from tests.fixtures.video_jobs import MakeJob, make_due
from tests.videos.engine.test_paid_path import PAID, drive, google
from videos import creation, staff_actions
from videos.engine import outcomes, schedule, submit
from videos.models import VideoJob, new_lease
from videos.phases import Phase
from videos.providers.base import NotAccepted, ProbablyNotAccepted

__all__ = ["google"]  # a fixture
pytestmark = [pytest.mark.django_db, pytest.mark.slow]
MINUTE = {"quota": "RequestsPerMinutePerProject"}


def waits(job: VideoJob) -> float:
    """Seconds from the last write to the next try."""
    job.refresh_from_db()
    assert job.due_at == job.lease_until
    assert job.due_at
    return (job.due_at - job.updated_at).total_seconds()


@pytest.mark.parametrize("fault", ["lost-429", "lost-503"])
def test_accepted_and_refused_is_paid_twice_at_most(google: FakeGoogle, make_user: MakeUser, fault: str) -> None:
    google.script("submit", fault, times=99)

    job = drive(creation.create(owner=make_user(), job_request=PAID))

    assert (len(google.calls("submit")), len(google.account.works)) == (2, 2)
    assert (job.phase, job.error_code, job.doubtful_submits) == (Phase.FAILED, "submission_unknown", 1)
    assert job.provider_reply.startswith("2 submits were refused, and may have been accepted all the same")
    entries = LedgerEntry.objects.filter(video_job_id=job.pk).order_by("created_at", "id")
    assert list(entries.values_list("kind", "amount")) == [("charge", -50), ("refund", 50)]


def test_refusal_in_doubt_waits_for_longer_than_a_limit_of_a_minute(google: FakeGoogle, make_user: MakeUser) -> None:
    google.script("submit", "503")
    job = creation.create(owner=make_user(), job_request=PAID)

    drive(job, rounds=1)
    waited = waits(job)

    assert (waited, job.doubtful_submits) == (pytest.approx(schedule.DOUBTFUL_PAUSE, abs=1), 1)
    assert drive(job).phase == Phase.SUCCEEDED


def test_quota_that_is_used_up_for_an_hour_does_not_end_a_job(google: FakeGoogle, make_user: MakeUser) -> None:
    job = creation.create(owner=make_user(), job_request=PAID)
    google.script("submit", "429", times=99, **MINUTE)
    waited = 0.0
    while waited < 3600:
        drive(job, rounds=1)
        waited += waits(job)
    google.account.faults.clear()

    assert (drive(job).phase, len(google.account.works), job.doubtful_submits) == (Phase.SUCCEEDED, 1, 0)


def test_quota_that_stays_used_up_ends_a_job_after_two_hours(google: FakeGoogle, make_user: MakeUser) -> None:
    job = creation.create(owner=make_user(), job_request=PAID)
    google.script("submit", "429", times=99, **MINUTE)
    waited = 0.0
    while drive(job, rounds=1).phase != Phase.FAILED:
        waited += waits(job)

    assert (job.error_code, job.tokens_refunded, len(google.account.works)) == ("provider_busy", 50, 0)
    assert 7000 < waited < 7300


@pytest.fixture
def waited(google: FakeGoogle, make_user: MakeUser) -> VideoJob:
    """A job that a quota has refused more often than any other limit allows; the quota is free again."""
    times = len(schedule.SUBMIT_BACKOFF) + 1
    google.script("submit", "429", times=times, **MINUTE)
    return drive(creation.create(owner=make_user(), job_request=PAID), rounds=times)


def test_wait_for_a_quota_leaves_the_other_refusals_their_tries(google: FakeGoogle, waited: VideoJob) -> None:
    google.script("submit", "429", quota="RequestsPerDayPerProject")

    phases: list[Any] = [drive(waited, rounds=1).phase for _ in range(2)]

    assert (phases, waited.lasting_refusals) == ([Phase.QUEUED, Phase.GENERATING], 0)


def test_wait_for_a_quota_leaves_a_storage_that_fails_its_tries(waited: VideoJob) -> None:
    make_due(waited)
    submit._defer(VideoJob.objects.get(pk=waited.pk), StorageError("503", retryable=True))

    assert drive(waited).phase == Phase.SUCCEEDED


def test_wait_for_a_quota_leaves_the_free_repeats(google: FakeGoogle, waited: VideoJob) -> None:
    google.script("work", "error", message="An issue with the audio. You have not been charged.")

    assert (drive(waited).phase, len(google.account.works)) == (Phase.SUCCEEDED, 2)


@pytest.mark.parametrize(("asked", "expected"), [(0, 5), (40, 40), (99_999, schedule.PAUSE_MOST)])
def test_provider_may_ask_for_a_longer_pause(make_user: MakeUser, make_job: MakeJob, asked: int, expected: int) -> None:
    job = make_job(make_user(), phase=Phase.SUBMITTING, lease=new_lease())

    outcomes.retry_later(job, 0, NotAccepted("over quota", lasts=True, pause_seconds=asked))

    assert waits(job) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(("asked", "expected"), [(5, schedule.DOUBTFUL_PAUSE), (300, 300)])
def test_provider_may_ask_for_a_longer_pause_in_doubt(
    make_user: MakeUser, make_job: MakeJob, asked: int, expected: int
) -> None:
    job = make_job(make_user(), phase=Phase.SUBMITTING, lease=new_lease())

    outcomes.retry_in_doubt(job, ProbablyNotAccepted("busy", pause_seconds=asked))

    assert waits(job) == pytest.approx(expected, abs=1)


def test_doubt_stays_with_a_job_that_is_sent_again_for_another_reason(google: FakeGoogle, make_user: MakeUser) -> None:
    for fault, more in (("429", {}), ("429", MINUTE), ("503", {})):
        google.script("submit", fault, **more)
    job = creation.create(owner=make_user(), job_request=PAID)

    sent: list[Any] = [drive(job, rounds=1).phase for _ in range(3)]

    assert sent == [Phase.QUEUED, Phase.QUEUED, Phase.FAILED]
    assert VideoJob.objects.get().error_code == "submission_unknown"


def test_doubt_stays_with_a_job_whose_last_refusal_is_sure(google: FakeGoogle, make_user: MakeUser) -> None:
    google.script("submit", "lost-503")
    google.script("submit", "429", times=99, **MINUTE)

    job = drive(creation.create(owner=make_user(), job_request=PAID), rounds=99)

    assert (len(google.account.works), job.doubtful_submits) == (1, 1)
    assert (job.phase, job.error_code, job.tokens_refunded) == (Phase.FAILED, "submission_unknown", 50)


@pytest.mark.parametrize(("fault", "code"), [("400", "provider_refused"), ("401", "provider_misconfigured")])
def test_refusal_after_a_doubt_ends_the_job_as_one_that_may_be_paid(
    google: FakeGoogle,
    make_user: MakeUser,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Any,
    fault: str,
    code: str,
) -> None:
    google.script("submit", "lost-503")
    google.script("submit", fault)
    job = creation.create(owner=make_user(), job_request=PAID)

    with django_capture_on_commit_callbacks(execute=True):
        job = drive(job)

    assert (len(google.account.works), job.phase, job.error_code) == (1, Phase.FAILED, "submission_unknown")
    assert job.provider_reply.startswith(f"a submit before was in doubt; then {code}: ")
    assert job.tokens_refunded == 50
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["job.failed"]


def test_missing_picture_after_a_doubt_ends_the_job_as_one_that_may_be_paid(
    google: FakeGoogle, make_user: MakeUser
) -> None:
    google.script("submit", "lost-503")
    job = drive(creation.create(owner=make_user(), job_request=PAID), rounds=1)
    VideoJob.objects.update(input_count=1)

    assert drive(job).error_code == "submission_unknown"


def test_job_that_staff_cancels_after_a_doubt_fails_as_cancelled(google: FakeGoogle, make_user: MakeUser) -> None:
    google.script("submit", "lost-503")
    job = drive(creation.create(owner=make_user(), job_request=PAID), rounds=1)

    staff_actions.fail_and_refund(job_id=job.pk, reason="asked for", actor=None)

    job.refresh_from_db()
    assert job.error_code == "cancelled_by_staff"
