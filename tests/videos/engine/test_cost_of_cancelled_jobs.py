"""What the provider is paid for a cancelled job is in the sums in dollars once, also after the job is deleted."""

from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from accounts.models import User
from operations.statistics import figures
from tests.conftest import MakeUser
from tests.fakes.google import FakeGoogle
from tests.fixtures.video_jobs import facts
from tests.operations.account_data.test_phases import Step, to_poll, to_submit
from tests.threads import at_once
from tests.videos.engine.test_paid_path import PAID, google
from videos import creation, deletion, staff_actions
from videos.engine import cancellation
from videos.models import VideoJob

__all__ = ["google"]  # a fixture
COST = Decimal("0.28")  # of 4 seconds in 720p, by the catalogue
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def dollars(user: User) -> Decimal:
    return figures(since=user.created_at, mock=False).dollars


@pytest.mark.parametrize("by_staff", [False, True])
@pytest.mark.parametrize(
    ("steps", "cost"), [([], Decimal(0)), ([to_submit], COST), ([to_submit, to_poll], COST)], ids=["0", "1", "2"]
)
def test_accepted_job_is_paid_for(
    google: FakeGoogle, make_user: MakeUser, steps: list[Step], cost: Decimal, by_staff: bool
) -> None:
    ann = make_user()
    job = creation.create(owner=ann, job_request=PAID)
    for step in steps:
        step(job)

    cancel(job, ann, by_staff)
    before_deletion = dollars(ann)
    deletion.delete(job_id=job.pk)

    assert (before_deletion, dollars(ann)) == (cost, cost)


@pytest.mark.parametrize("by_staff", [False, True])
@pytest.mark.parametrize("is_deleted", [False, True])
@pytest.mark.parametrize(("fault", "cost"), [("", COST), ("400", Decimal(0))])
def test_submit_in_flight_is_paid_for_if_the_provider_accepts_it(
    google: FakeGoogle, make_user: MakeUser, is_deleted: bool, by_staff: bool, fault: str, cost: Decimal
) -> None:
    ann = make_user()
    job = creation.create(owner=ann, job_request=PAID)
    if fault:
        google.script("submit", fault)
    original = google.account.next_fault
    during: list[Any] = [partial(cancel, job, ann, by_staff)]
    if is_deleted:
        during.append(partial(deletion.delete, job_id=job.pk))

    def next_fault(on: str) -> Any:
        if on == "submit":
            for end in during:
                at_once([end])  # the fake responds in another thread than the engine's
        return original(on)

    google.account.next_fault = next_fault  # type: ignore[method-assign]

    to_submit(job)

    assert dollars(ann) == cost
    assert is_deleted or facts(job)[:2] == ("failed", None)


def cancel(job: VideoJob, owner: User, by_staff: bool) -> None:
    if by_staff:
        staff_actions.fail_and_refund(job_id=job.pk, reason="x", actor=None)
    else:
        cancellation.cancel(job_id=job.pk, actor=owner)
