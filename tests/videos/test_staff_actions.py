"""Staff actions: permissions, reasons, the audit log, and polling at once."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from auditlog.models import LogEntry

from accounts.models import User
from studio.errors import (
    Conflict,
    InvalidInput,
    NotAllowed,
    NotFound,
    StudioError,
)
from tests.conftest import MakeUser
from tests.fixtures.staff import MakeStaff, entries_of, failed
from tests.fixtures.video_jobs import MakeJob, facts
from tests.operations.reconciliation.test_comparison import paid
from videos import deletion, staff_actions
from videos.engine import sweeper
from videos.models import VideoJob, from_now, new_lease
from videos.phases import Phase
from videos.recovery import retry
from videos.recovery.adoption import adopt_operation


@pytest.mark.parametrize("reason", ["", " \n\0", "x" * 501])
def test_reason_is_demanded(make_user: MakeUser, make_job: MakeJob, operator: User, reason: str) -> None:
    job = paid(make_job(make_user()))

    for act in (staff_actions.refund, staff_actions.fail_and_refund):
        with pytest.raises(InvalidInput, match="reason"):
            act(job_id=job.pk, reason=reason, actor=operator)

    assert (facts(job)[0], entries_of(job)) == ("queued", [("charge", -50, "", None)])


def test_generating_job_is_polled_at_once(make_user: MakeUser, make_job: MakeJob, operator: User) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING, due_at=from_now(60))

    staff_actions.poll_now(job_id=job.pk, actor=operator)

    assert [found.pk for found, _ in sweeper.claim_due_polls(10)] == [job.pk]


@pytest.mark.parametrize(("phase", "queue"), [(Phase.QUEUED, "submit"), (Phase.STORING, "media")])
def test_back_off_ends_and_a_hint_goes_out(
    make_user: MakeUser,
    make_job: MakeJob,
    operator: User,
    rq_hints: Any,
    django_capture_on_commit_callbacks: Any,
    phase: Phase,
    queue: str,
) -> None:
    job = make_job(make_user(), phase=phase, due_at=from_now(300), lease_until=from_now(300), attempts=4)

    with django_capture_on_commit_callbacks(execute=True):
        staff_actions.poll_now(job_id=job.pk, actor=operator)

    job.refresh_from_db()
    assert rq_hints()[queue] == [str(job.pk)]
    assert (VideoJob.objects.claimable().get(), VideoJob.objects.due(phase).get(), job.attempts) == (job, job, 4)


@pytest.mark.parametrize(
    ("phase", "reason"),
    [
        (Phase.SUBMITTING, "being processed"),
        (Phase.STORING, "being processed"),
        (Phase.SUCCEEDED, "finished"),
        (Phase.FAILED, "finished"),
    ],
)
def test_job_in_processing_or_finished_is_not_due_at_once(
    make_user: MakeUser, make_job: MakeJob, operator: User, rq_hints: Any, phase: Phase, reason: str
) -> None:
    at_work = {"lease": new_lease(), "lease_until": from_now(20)} if phase in {Phase.SUBMITTING, Phase.STORING} else {}
    job = make_job(make_user(), phase=phase, **at_work)

    with pytest.raises(Conflict, match=reason):
        staff_actions.poll_now(job_id=job.pk, actor=operator)

    assert rq_hints() == {"submit": [], "media": [], "webhooks": []}


def every_action(job_id: uuid.UUID, actor: User | None) -> list[type[StudioError] | None]:
    """The error of each action, in a fixed order."""
    calls: list[Callable[[], Any]] = [
        lambda: retry.retry_by_staff(job_id=job_id, charge=False, actor=actor),
        lambda: staff_actions.refund(job_id=job_id, reason="x", actor=actor),
        lambda: staff_actions.fail_and_refund(job_id=job_id, reason="x", actor=actor),
        lambda: staff_actions.poll_now(job_id=job_id, actor=actor),
    ]
    answers: list[type[StudioError] | None] = []
    for call in calls:
        try:
            call()
        except StudioError as exc:
            answers.append(type(exc))
        else:
            answers.append(None)
    return answers


def test_rights_decide(make_user: MakeUser, support: User, operator: User, make_staff: MakeStaff) -> None:
    job = failed(make_user())
    nobody = make_staff("view_videojob", "change_videojob", email="nobody@example.com")

    assert every_action(job.pk, nobody) == [NotAllowed] * 4
    assert every_action(job.pk, support) == [NotAllowed, None, NotAllowed, NotAllowed]
    assert every_action(job.pk, operator) == [None, Conflict, Conflict, Conflict]
    assert every_action(job.pk, None) == [retry.AlreadyRetried, Conflict, Conflict, Conflict]


def test_unknown_job_is_not_found(operator: User) -> None:
    assert every_action(uuid.uuid4(), operator) == [NotFound] * 4


def test_every_action_is_kept_with_actor_reason_and_tokens(
    make_user: MakeUser, make_job: MakeJob, operator: User
) -> None:
    ann = make_user()
    done = paid(make_job(ann, phase=Phase.SUCCEEDED))
    live = paid(make_job(ann, phase=Phase.GENERATING))
    lost = failed(ann, code="submission_unknown")
    broken = failed(ann)

    staff_actions.refund(job_id=done.pk, reason="Wrong dress", actor=operator)
    staff_actions.poll_now(job_id=live.pk, actor=operator)
    staff_actions.fail_and_refund(job_id=live.pk, reason="Asked by phone", actor=None)
    again = retry.retry_by_staff(job_id=broken.pk, charge=True, actor=operator)
    adopt_operation(job_id=lost.pk, operation="mock?began=7&seconds=1&scenario=", actor=operator)
    deletion.delete_by_staff(job_id=again.pk, actor=operator)

    kept = [
        (entry.actor, entry.object_pk, {name: after for name, (_, after) in entry.changes.items()})
        for entry in LogEntry.objects.order_by("timestamp", "id")
    ]
    assert kept == [
        (operator, str(done.pk), {"action": "Refund", "tokens": "50", "reason": "Wrong dress"}),
        (operator, str(live.pk), {"action": "Poll now"}),
        (None, str(live.pk), {"action": "Cancel and refund", "tokens": "50", "reason": "Asked by phone"}),
        (operator, str(broken.pk), {"action": "Retry", "new_job": str(again.pk), "tokens": "50"}),
        (operator, str(lost.pk), {"action": "Adopt an operation", "operation": "mock?began=7&seconds=1&scenario="}),
        (operator, str(again.pk), {"action": "Delete", "owner": "ann@example.com", "tokens_returned": "50"}),
    ]


def test_second_click_is_not_kept(make_user: MakeUser, operator: User) -> None:
    job = failed(make_user())
    retry.retry_by_staff(job_id=job.pk, charge=True, actor=operator)

    with pytest.raises(retry.AlreadyRetried):
        retry.retry_by_staff(job_id=job.pk, charge=True, actor=operator)

    assert LogEntry.objects.count() == 1
