"""POST /video-jobs/{id}/cancel: the record stays, the slot is free, and the tokens follow the policy."""

from typing import Any

import pytest
from auditlog.models import LogEntry

from operations.reconciliation.comparison import reconcile
from tests.conftest import MakeUser, SignIn
from tests.fixtures.staff import entries_of
from tests.fixtures.video_jobs import MakeJob, balance, facts
from tests.operations.reconciliation.test_comparison import paid
from videos.engine import cancellation
from videos.models import VideoJob, new_lease
from videos.phases import LIVE, Phase

URL = "/api/v1/video-jobs/{}/cancel"
BACK = ("refund", 50, "video job cancelled before it was started", None)
BY_POLICY = ("refund", 50, "video job failed: cancelled", None)


@pytest.mark.parametrize("policy", ["unstarted", "failed", "never"])
@pytest.mark.parametrize("phase", sorted(LIVE))
def test_cancelled_job_keeps_its_record_and_frees_its_slot(
    make_user: MakeUser, sign_in: SignIn, make_job: MakeJob, settings: Any, phase: Phase, policy: str
) -> None:
    settings.REFUND_POLICY = policy
    ann = make_user()
    job = paid(make_job(ann, phase=phase, lease=None if phase == Phase.QUEUED else new_lease()))

    response = sign_in(ann).post(URL.format(job.pk))

    refunds = [BACK] if phase == Phase.QUEUED else [BY_POLICY] if policy == "failed" else []
    cost = "Your 50 tokens were returned." if refunds else "The attempt cost 50 tokens."
    body = response.json()
    assert (response.status_code, body["status"], body["errorCode"]) == (200, "FAILED", "cancelled")
    assert body["errorMessage"] == f"This video was cancelled. {cost}"
    assert (facts(job)[1], entries_of(job)) == (None, [("charge", -50, "", None), *refunds])
    assert balance(ann) == 1000 - 50 + 50 * len(refunds)
    assert [found.kind for found in reconcile(fix=False) if found.kind != "stray file"] == []


def test_repeat_changes_nothing(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> None:
    ann = make_user()
    job = paid(make_job(ann))
    client = sign_in(ann)

    first = client.post(URL.format(job.pk))
    second = client.post(URL.format(job.pk))

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert entries_of(job) == [("charge", -50, "", None), BACK]


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.FAILED])
def test_finished_job_is_not_cancelled(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob, phase: Phase) -> None:
    ann = make_user()
    job = paid(make_job(ann, phase=phase))
    before = VideoJob.objects.values().get(pk=job.pk)

    response = sign_in(ann).post(URL.format(job.pk))

    assert (response.status_code, response.json()["code"]) == (409, "already_finished")
    assert VideoJob.objects.values().get(pk=job.pk) == before
    assert entries_of(job) == [("charge", -50, "", None)]


def test_job_that_staff_cancelled_is_cancelled(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> None:
    ann = make_user()
    job = make_job(ann, phase=Phase.FAILED, error_code="cancelled_by_staff")

    response = sign_in(ann).post(URL.format(job.pk))

    assert (response.status_code, response.json()["errorCode"]) == (200, "cancelled_by_staff")


def test_admin_cancels_and_is_recorded(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> None:
    boss = make_user("boss@example.com", staff=True)
    job = paid(make_job(make_user()))

    response = sign_in(boss).post(URL.format(job.pk))

    [entry] = LogEntry.objects.all()
    kept = {name: after for name, (_, after) in entry.changes.items()}
    assert (response.status_code, entry.actor, entry.object_pk) == (200, boss, str(job.pk))
    assert kept == {"action": "Cancel", "tokens": "50"}


def test_fields_are_refused(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> None:
    ann = make_user()
    job = make_job(ann)

    response = sign_in(ann).post(URL.format(job.pk), {"reason": "x"})

    assert (response.status_code, response.json()["code"], facts(job)[0]) == (400, "unknown_field", "queued")


def test_job_after_a_submit_in_doubt_fails_as_cancelled(make_user: MakeUser, make_job: MakeJob) -> None:
    ann = make_user()
    job = paid(make_job(ann, doubtful_submits=1))

    cancellation.cancel(job_id=job.pk, actor=ann)

    assert (facts(job)[2], entries_of(job)) == ("cancelled", [("charge", -50, "", None), BACK])
