"""The poll step: which jobs are claimed for it, and what it stores of each result."""

import time
from copy import copy
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob, facts, make_due, poll_due_jobs
from videos.engine import poll, schedule, sweeper
from videos.models import VideoJob, from_now
from videos.phases import Phase
from videos.providers.base import Finished, Progress, Refused, Unreachable


def test_progress_only_rises(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)

    shown = []
    for percentage in (40, 20, 100, None):
        poll.apply_poll_result(job=job, result=Progress(percentage=percentage))
        shown.append(facts(job)[3])

    assert shown == [38, 38, 89, 89]


def test_failed_poll_is_repeated_later(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)

    poll.apply_poll_result(job=job, result=Unreachable("503"))

    job.refresh_from_db()
    assert (job.phase, job.attempts, job.provider_reply) == (Phase.GENERATING, 1, "503")


@pytest.mark.parametrize("result", [Progress(), Unreachable("503")])
def test_operation_that_never_ends_is_given_up_after_two_days(
    make_user: MakeUser, make_job: MakeJob, result: Any
) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING, started_at="2020-01-01T00:00:00Z")

    poll.apply_poll_result(job=VideoJob.objects.get(pk=job.pk), result=result)

    assert facts(job)[:3] == ("failed", None, "generation_timeout")


@pytest.mark.parametrize(
    ("age", "before", "after"), [(0, 0, 5), (61, 5, 47), (61, 80, 80), (360, 5, 87), (40 * 3600, 5, 88), (-60, 5, 5)]
)
def test_progress_nears_the_end_by_age_where_the_provider_reports_none(
    make_user: MakeUser, make_job: MakeJob, age: int, before: int, after: int
) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING, progress_percentage=before)
    VideoJob.objects.update(started_at=from_now(-age), due_at=from_now(-1))

    sweeper.claim_due_polls(10)

    assert facts(job)[3] == after


def test_age_counts_from_creation_where_no_submit_is_known(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)
    VideoJob.objects.update(started_at=None, created_at=from_now(-61), due_at=from_now(-1))

    sweeper.claim_due_polls(10)

    assert facts(job)[3] == 47


def test_poll_result_that_was_written_with_the_claim_is_no_news(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)
    failed, old = copy(job), copy(job)
    failed.attempts, old.started_at = 1, timezone.now() - timedelta(seconds=schedule.POLL_GIVE_UP + 1)

    assert not poll.is_news(job, Progress())
    assert all(
        poll.is_news(job, result)
        for result in (Progress(percentage=0), Progress(next_poll_seconds=1), Finished("x"), Unreachable("503"))
    )
    assert poll.is_news(failed, Progress())
    assert poll.is_news(old, Progress())


def test_progress_ends_a_row_of_failed_polls(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING, attempts=3)

    poll.apply_poll_result(job=job, result=Progress())

    job.refresh_from_db()
    assert (job.attempts, job.phase) == (0, Phase.GENERATING)


def test_no_progress_is_taken_for_an_end(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)

    poll.apply_poll_result(job=job, result=Progress(percentage=1000))

    assert facts(job)[3] == 89


def test_late_poll_result_changes_nothing(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)
    stale = VideoJob.objects.get(pk=job.pk)
    poll.apply_poll_result(job=job, result=Finished("first"))

    for result in (Finished("second"), Progress(percentage=1), Refused("no", code="generation_failed")):
        poll.apply_poll_result(job=stale, result=result)

    assert facts(job) == ("storing", 1, "", 90)
    assert VideoJob.objects.get().result == "first"


def test_claim_takes_as_many_statements_for_three_jobs_as_for_one(make_user: MakeUser, make_job: MakeJob) -> None:
    events = 1 if connection.vendor == "postgresql" else 2
    for email, jobs in (("ann@example.com", 1), ("ben@example.com", 3)):
        owner = make_user(email)
        made = {make_job(owner, phase=Phase.GENERATING).pk for _ in range(jobs)}

        time.sleep(0.002)  # see poll_due_jobs
        with CaptureQueriesContext(connection) as statements:
            taken = sweeper.claim_due_polls(10)

        assert {job.pk for job, _ in taken} == made
        assert len(statements) == 4 + events  # in a savepoint: the locks, the claim, and the events


def test_claimed_jobs_are_due_again_soon(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)

    first, second = sweeper.claim_due_polls(10), sweeper.claim_due_polls(10)

    assert ([taken.pk for taken, _ in first], second) == ([job.pk], [])
    job.refresh_from_db()
    assert job.due_at
    wait = schedule.POLL_EVERY - schedule.TICK / 2
    assert (job.due_at - job.updated_at).total_seconds() == pytest.approx(wait, abs=0.002)
    assert vars(first[0][0]).keys() == vars(VideoJob.objects.get()).keys()
    assert (first[0][0].lease, first[0][0].due_at, first[0][0].owner_id) == (job.lease, job.due_at, job.owner_id)


def test_defect_of_an_adapter_keeps_the_back_off_and_the_end(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING, operation="no operation of the mock's")
    poll_due_jobs()
    once = facts(job)[0], VideoJob.objects.get().attempts
    VideoJob.objects.update(started_at="2020-01-01T00:00:00Z")
    make_due(job)
    poll_due_jobs()

    assert once == ("generating", 1)
    assert facts(job)[:3] == ("failed", None, "generation_timeout")


def test_vendors_text_with_a_nul_is_stored(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)

    poll.apply_poll_result(job=job, result=Unreachable("a\0b"))

    job.refresh_from_db()
    assert job.provider_reply == "a\ufffdb"
