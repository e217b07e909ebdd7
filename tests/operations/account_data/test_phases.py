"""An account is deleted at every phase of a paid job, also during the calls of the provider.

The job ends, tokens and dollars are exact, no file remains, and nothing is delivered.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.utils import timezone

from accounts.models import LedgerEntry, User
from accounts.own_account import deletion
from operations import account_tasks
from operations.statistics import figures
from studio.media.storage import disposal
from studio.models import Disposal
from tests.conftest import MakeUser
from tests.fakes.google import FakeGoogle
from tests.fakes.google_account import video_of_length
from tests.fixtures.looks import stored_files
from tests.fixtures.video_jobs import ORDER, make_due, poll_due_jobs
from videos import creation
from videos.engine import outcomes, poll, submit, sweeper, transfer
from videos.models import DeletedJob, Upstream, VideoJob
from videos.phases import Phase
from videos.providers import registry

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PRICE = Decimal("0.1")  # dollars a second
COST = PRICE * 4
PAID = replace(ORDER, mock_mode=False, generate_audio=True, prompt="prompt-marker")
LONG_AGO = "2020-01-01T00:00:00Z"
Step = Callable[[VideoJob], None]


@pytest.fixture
def google(settings: Any) -> Iterator[FakeGoogle]:
    Upstream.objects.exclude(provider="google_omni", upstream_model="gemini-omni-1.2-flash").update(is_enabled=False)
    Upstream.objects.update(prices={"720p": str(PRICE)})
    with FakeGoogle(video=video_of_length(4), omni_gives_urls=True) as fake:
        settings.GEMINI_API_KEY, settings.GOOGLE_GEMINI_BASE_URL = "gemini-key", fake.url
        registry.built.cache_clear()
        yield fake
        registry.provider("google_omni").backend.close()  # type: ignore[attr-defined]
        registry.built.cache_clear()


@pytest.fixture
def ann(make_user: MakeUser) -> User:
    return make_user("ann@example.com")


def to_submit(job: VideoJob) -> None:
    make_due(job)
    submit.submit(job_id=str(job.pk))


def to_poll(job: VideoJob) -> None:
    make_due(job)
    poll_due_jobs()


def to_transfer(job: VideoJob) -> None:
    make_due(job)
    transfer.transfer(job_id=str(job.pk))


def to_fail(job: VideoJob) -> None:
    job.refresh_from_db()
    outcomes.fail(job=job, code="content_filtered")


# the phase, the steps to it, what the provider is paid, and the tokens that come back
PHASES: dict[Phase, tuple[list[Step], Decimal, int]] = {
    Phase.QUEUED: ([], Decimal(0), 50),
    Phase.GENERATING: ([to_submit], COST, 0),
    Phase.STORING: ([to_submit, to_poll], COST, 0),
    Phase.SUCCEEDED: ([to_submit, to_poll, to_transfer], COST, 0),
    Phase.FAILED: ([to_submit, to_fail], Decimal(0), 0),
}
# a call of the provider, the steps before it, and the step that makes it
CALLS: dict[Phase, tuple[str, list[Step], Step, Decimal]] = {
    Phase.SUBMITTING: ("accept", [], to_submit, COST),
    Phase.GENERATING: ("poll", [to_submit], to_poll, COST),
    Phase.STORING: ("file", [to_submit, to_poll], to_transfer, COST),
}


def delete_account(user: User) -> None:
    """All that happens after DELETE /auth/me."""
    deletion.delete(user=User.objects.get(pk=user.pk))
    account_tasks.run_others(threading.Event())


def run_all_steps(job_id: str) -> None:
    """Late hints and the sweeper's steps, which find no job."""
    submit.submit(job_id=job_id)
    transfer.transfer(job_id=job_id)
    poll_due_jobs()
    sweeper.settle_lost_submits()
    disposal.sweep()
    Disposal.objects.update(due_at=LONG_AGO)
    disposal.sweep()


def outcome(user: User, media: Path) -> dict[str, Any]:
    entries = LedgerEntry.objects.filter(account__user=user).order_by("created_at", "id")
    user.token_account.refresh_from_db()
    assert user.token_account.balance == sum(entries.values_list("amount", flat=True))
    return {
        "jobs": VideoJob.objects.count(),
        "files": stored_files(media),
        "waiting removals": Disposal.objects.count(),
        "dollars": figures(since=user.created_at, mock=False).dollars,
        "refunded": sum(entries.filter(kind="refund").values_list("amount", flat=True)),
        "charged": sum(entries.filter(kind="charge").values_list("amount", flat=True)),
    }


def expected(*, dollars: Decimal, refunded: int) -> dict[str, Any]:
    kept = {"dollars": dollars, "refunded": refunded, "charged": -50}
    return {"jobs": 0, "files": [], "waiting removals": 0, **kept}


def test_every_phase_is_tried() -> None:
    assert PHASES.keys() | CALLS.keys() == set(Phase)


@pytest.mark.parametrize("phase", PHASES)
def test_account_is_deleted_between_two_steps(
    google: FakeGoogle, ann: User, media: Path, phase: Phase, caplog: pytest.LogCaptureFixture
) -> None:
    steps, dollars, refunded = PHASES[phase]
    job = _job(ann)
    for step in steps:
        step(job)
    job.refresh_from_db()
    assert job.phase == phase

    delete_account(ann)
    run_all_steps(str(job.pk))

    assert outcome(ann, media) == expected(dollars=dollars, refunded=refunded)
    assert [record for record in caplog.records if record.levelname == "ERROR" and record.msg != "job.failed"] == []


@pytest.mark.parametrize("phase", CALLS)
def test_account_is_deleted_while_the_provider_responds(
    google: FakeGoogle, ann: User, media: Path, phase: Phase, caplog: pytest.LogCaptureFixture
) -> None:
    call, steps, step, dollars = CALLS[phase]
    job = _job(ann)
    for earlier in steps:
        earlier(job)
    seen = _during(google, call, lambda: _phase_then_delete(job, ann))

    step(job)
    run_all_steps(str(job.pk))

    assert seen == [phase]
    assert outcome(ann, media) == expected(dollars=dollars, refunded=0)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize(("fault", "dollars"), [("400", Decimal(0)), ("lost", Decimal(0))])
def test_account_is_deleted_while_the_submit_fails(
    google: FakeGoogle, ann: User, media: Path, fault: str, dollars: Decimal
) -> None:
    """Where nobody knows whether it was accepted, nothing is counted, as for a job that stays."""
    job = _job(ann)
    google.script("submit", fault)
    original = google.account.next_fault

    def next_fault(on: str) -> Any:
        if on == "submit":
            _in_thread(lambda: delete_account(ann))
        return original(on)

    google.account.next_fault = next_fault  # type: ignore[method-assign]

    to_submit(job)
    run_all_steps(str(job.pk))

    assert outcome(ann, media) == expected(dollars=dollars, refunded=0)


def test_result_of_a_poll_that_began_before_is_dropped(google: FakeGoogle, ann: User, media: Path) -> None:
    job = _job(ann)
    to_submit(job)
    make_due(job)
    ((claimed, spec),) = sweeper.claim_due_polls(100)
    result = async_to_sync(poll.poll)(claimed, spec)

    delete_account(ann)
    poll.apply_poll_result(job=claimed, result=result)

    run_all_steps(str(job.pk))
    assert outcome(ann, media) == expected(dollars=COST, refunded=0)


def test_cost_of_a_deleted_job_names_nothing_that_the_owner_wrote(google: FakeGoogle, ann: User, media: Path) -> None:
    job = _job(ann)
    to_submit(job)

    delete_account(ann)

    row = DeletedJob.objects.get()
    assert (row.pk, row.owner_id, row.provider, row.resolution) == (job.pk, ann.pk, "google_omni", "720p")
    assert "prompt-marker" not in str(DeletedJob.objects.values().get())
    assert row.generated_at is not None
    assert row.completed_at <= timezone.now()


def _job(user: User) -> VideoJob:
    return creation.create(owner=user, job_request=PAID)


def _phase_then_delete(job: VideoJob, user: User) -> str:
    phase = VideoJob.objects.get(pk=job.pk).phase
    delete_account(user)
    return phase


def _during(google: FakeGoogle, call: str, act: Callable[[], Any]) -> list[Any]:
    """Act once in the middle of the fake's next call of this kind; returns the list that gets the result."""
    results: list[Any] = []
    original = getattr(google.account, call)

    def interrupted(*args: Any) -> Any:
        response = original(*args)
        if not results:
            results.append(_in_thread(act))
        return response

    setattr(google.account, call, interrupted)
    return results


def _in_thread(act: Callable[[], Any]) -> Any:
    """Run on a database connection of its own: the fake responds in another thread than the engine's."""
    results = []

    def run() -> None:
        try:
            results.append(act())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return results[0]
