"""Staff refund and cancel jobs."""

from typing import Any

import pytest

from accounts.models import LedgerEntry, User
from studio.errors import (
    Conflict,
    LimitReached,
)
from tests.conftest import MakeUser
from tests.fixtures.staff import entries_of
from tests.fixtures.video_jobs import MakeJob, facts, poll_due_jobs
from tests.operations.reconciliation.test_comparison import paid
from tests.threads import at_once
from videos import staff_actions
from videos.engine import submit, transfer
from videos.models import VideoJob, from_now, new_lease
from videos.phases import Phase
from videos.providers.base import Operation


@pytest.mark.parametrize("phase", [Phase.GENERATING, Phase.SUCCEEDED, Phase.FAILED])
def test_tokens_are_given_back_once_whatever_the_phase(
    make_user: MakeUser, make_job: MakeJob, support: User, phase: Phase
) -> None:
    job = paid(make_job(make_user(), phase=phase))

    assert staff_actions.refund(job_id=job.pk, reason="  Wrong\n dress ", actor=support) == 50
    with pytest.raises(Conflict, match="refunded before"):
        staff_actions.refund(job_id=job.pk, reason="again", actor=support)

    assert entries_of(job) == [("charge", -50, "", None), ("refund", 50, "Wrong dress", "support@example.com")]
    assert [line.message for line in job.logs.all()] == ["Your 50 tokens were returned."]


def test_support_refunds_within_a_days_limit(
    make_user: MakeUser, make_job: MakeJob, support: User, operator: User, settings: Any
) -> None:
    settings.SUPPORT_REFUND_TOKENS = 120
    ann = make_user()
    jobs = [paid(make_job(ann, phase=Phase.FAILED)) for _ in range(4)]
    for job in jobs[:2]:
        staff_actions.refund(job_id=job.pk, reason="x", actor=support)

    with pytest.raises(LimitReached, match="120 tokens a day"):
        staff_actions.refund(job_id=jobs[2].pk, reason="x", actor=support)

    assert [len(entries_of(job)) for job in jobs] == [2, 2, 1, 1]
    assert jobs[2].logs.count() == 0
    for job in jobs[2:]:  # an operator has no limit
        staff_actions.refund(job_id=job.pk, reason="x", actor=operator)


def test_new_day_has_a_new_limit(make_user: MakeUser, make_job: MakeJob, support: User, settings: Any) -> None:
    settings.SUPPORT_REFUND_TOKENS = 50
    ann = make_user()
    yesterday, today = (paid(make_job(ann, phase=Phase.FAILED)) for _ in range(2))
    staff_actions.refund(job_id=yesterday.pk, reason="x", actor=support)
    super(type(LedgerEntry.objects.all()), LedgerEntry.objects.filter(kind="refund")).update(
        created_at=from_now(-24 * 3600)
    )

    assert staff_actions.refund(job_id=today.pk, reason="x", actor=support) == 50


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_refunds_at_once_stay_within_the_limit(
    make_user: MakeUser, make_job: MakeJob, support: User, settings: Any
) -> None:
    settings.SUPPORT_REFUND_TOKENS = 100
    jobs = [paid(make_job(make_user(f"{n}@example.com"), phase=Phase.FAILED)) for n in range(6)]

    def attempt(job: VideoJob) -> str:
        try:
            return str(staff_actions.refund(job_id=job.pk, reason="x", actor=support))
        except LimitReached as exc:
            return exc.code

    outcomes = at_once([lambda job=job: attempt(job) for job in jobs])  # type: ignore[misc]

    assert sorted(outcomes) == ["50", "50", *["refund_limit_reached"] * 4]


@pytest.mark.parametrize("policy", ["unstarted", "failed", "never"])
@pytest.mark.parametrize("phase", [Phase.QUEUED, Phase.SUBMITTING, Phase.GENERATING, Phase.STORING])
def test_live_job_is_ended_and_refunded(
    make_user: MakeUser, make_job: MakeJob, operator: User, phase: Phase, policy: str, settings: Any
) -> None:
    settings.REFUND_POLICY = policy
    lease = new_lease() if phase in {Phase.SUBMITTING, Phase.STORING} else None
    job = paid(make_job(make_user(), phase=phase, lease=lease))

    staff_actions.fail_and_refund(job_id=job.pk, reason="Asked by phone", actor=operator)

    assert facts(job)[:3] == ("failed", None, "cancelled_by_staff")
    assert job.provider_reply == "Cancelled by staff: Asked by phone"
    assert entries_of(job) == [("charge", -50, "", None), ("refund", 50, "Asked by phone", "staff@example.com")]


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.FAILED])
def test_finished_job_is_not_ended(make_user: MakeUser, make_job: MakeJob, operator: User, phase: Phase) -> None:
    job = paid(make_job(make_user(), phase=phase))

    with pytest.raises(Conflict, match="finished"):
        staff_actions.fail_and_refund(job_id=job.pk, reason="x", actor=operator)

    assert entries_of(job) == [("charge", -50, "", None)]


def test_what_the_provider_delivers_after_the_end_is_dropped(
    make_user: MakeUser, make_job: MakeJob, operator: User, settings: Any
) -> None:
    settings.MOCK_VIDEO_SECONDS = 0
    ann, ben = make_user(), make_user("ben@example.com")
    handed_over = make_job(ann, phase=Phase.SUBMITTING, lease=new_lease())
    stored = make_job(ben, phase=Phase.STORING, result="mock")
    for job in (handed_over, stored):
        staff_actions.fail_and_refund(job_id=job.pk, reason="x", actor=operator)

    submit._accept(handed_over, Operation("late", 1), 0)
    poll_due_jobs()
    transfer.transfer(job_id=str(stored.pk))

    assert [facts(job)[:3] for job in (handed_over, stored)] == [("failed", None, "cancelled_by_staff")] * 2
    assert [job.video.name for job in (handed_over, stored)] == ["", ""]
