"""The submit step: what it stores of each outcome, and that a second or late one changes nothing."""

import uuid
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from tests.conftest import MakeUser
from tests.fixtures.video_jobs import ORDER, MakeJob, balance, facts, job_request, make_due
from videos import creation
from videos.engine import outcomes, schedule, submit, sweeper, transfer
from videos.failures import FAILURES
from videos.models import JobInput, VideoJob, from_now, new_lease
from videos.phases import Phase
from videos.providers.base import NotAccepted, Operation


def test_second_submit_does_nothing(make_user: MakeUser) -> None:
    job = creation.create(owner=make_user(), job_request=ORDER)
    submit.submit(job_id=str(job.pk))
    job.refresh_from_db()
    operation, lease = job.operation, job.lease

    submit.submit(job_id=str(job.pk))

    job.refresh_from_db()
    assert (job.operation, job.lease) == (operation, lease)


@pytest.mark.parametrize("step", [submit.submit, transfer.transfer])
def test_hint_for_a_job_that_is_gone_does_nothing(db: None, step: Any) -> None:
    step(job_id=str(uuid.uuid4()))

    assert not VideoJob.objects.exists()


@pytest.mark.parametrize(
    ("prompt", "code", "given_back"),
    [("[mock:refused]", "provider_refused", 50), ("[mock:unknown]", "submission_unknown", 50)],
)
def test_failure_at_submit_gives_the_tokens_back(make_user: MakeUser, prompt: str, code: str, given_back: int) -> None:
    ann = make_user()
    job = creation.create(owner=ann, job_request=job_request(prompt))

    submit.submit(job_id=str(job.pk))

    assert facts(job) == ("failed", None, code, 0)
    assert balance(ann) == 950 + given_back
    assert job.error_message == FAILURES[code].message
    assert "mock" in job.provider_reply


def test_busy_provider_is_tried_again_after_a_back_off(make_user: MakeUser) -> None:
    ann = make_user()
    job = creation.create(owner=ann, job_request=job_request("[mock:flaky]"))

    submit.submit(job_id=str(job.pk))
    assert facts(job) == ("queued", 1, "", 0)
    submit.submit(job_id=str(job.pk))  # a stray hint during the back-off
    job.refresh_from_db()
    assert (job.phase, job.attempts) == (Phase.QUEUED, 1)
    make_due(job)
    submit.submit(job_id=str(job.pk))

    assert facts(job) == ("generating", 1, "", 5)
    assert balance(ann) == 950


def test_provider_that_stays_busy_fails_the_job(make_user: MakeUser, make_job: MakeJob) -> None:
    ann = make_user()
    job = creation.create(owner=ann, job_request=ORDER)
    VideoJob.objects.filter(pk=job.pk).update(attempts=len(schedule.SUBMIT_BACKOFF))
    job = VideoJob.objects.get(pk=job.pk)
    attempts = job.attempts
    VideoJob.objects.transition(job, Phase.SUBMITTING, lease=new_lease(), due_at=from_now(9), attempts=attempts)

    outcomes.retry_later(job, attempts, NotAccepted("busy"))

    assert facts(job)[:3] == ("failed", None, "provider_busy")
    assert balance(ann) == 1000


def test_unreadable_input_fails_before_the_call(make_user: MakeUser) -> None:
    ann = make_user()
    job = creation.create(owner=ann, job_request=ORDER)
    JobInput.objects.create(job=job, role="first_frame", file_name="inputs/gone.png", content_type="image/png")
    VideoJob.objects.update(input_count=1)

    submit.submit(job_id=str(job.pk))

    assert facts(job)[:3] == ("failed", None, "input_missing")
    assert balance(ann) == 1000
    assert list(job.inputs.values_list("file_name", flat=True)) == ["inputs/gone.png"]


def test_lost_submit_is_repeated_where_it_is_free(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.SUBMITTING, lease=new_lease(), lease_until=from_now(-1))

    sweeper.settle_lost_submits()

    assert facts(job)[0] == "queued"


def test_late_acceptance_of_a_lost_submit_is_dropped(make_user: MakeUser) -> None:
    job = creation.create(owner=make_user(), job_request=ORDER)
    job = VideoJob.objects.get(pk=job.pk)
    VideoJob.objects.transition(job, Phase.SUBMITTING, lease=new_lease(), due_at=from_now(-1))
    late = VideoJob.objects.get(pk=job.pk)
    outcomes.fail(job=job, code="submission_unknown")

    submit._accept(late, Operation("late", 1), 0)

    assert facts(job)[:3] == ("failed", None, "submission_unknown")
    job.refresh_from_db()
    assert job.operation == ""


def test_unknown_provider_is_retried_and_then_fails_the_job(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), provider="of_a_newer_release")
    phases = []

    for _ in range(len(schedule.SUBMIT_BACKOFF) + 1):
        make_due(job)
        submit.submit(job_id=str(job.pk))
        phases.append(facts(job)[:3])

    assert phases == [*[("queued", 1, "")] * len(schedule.SUBMIT_BACKOFF), ("failed", None, "internal_error")]


def test_job_whose_pictures_are_gone_is_not_sent_without_them(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), input_count=2)
    name = default_storage.save(f"inputs/{job.pk}.png", ContentFile(b"x"))
    JobInput.objects.create(job=job, role="first_frame", file_name=name, content_type="image/png")

    submit.submit(job_id=str(job.pk))

    assert facts(job)[:3] == ("failed", None, "input_missing")
