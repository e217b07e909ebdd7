"""A cancellation against a step that runs: its result is dropped, the money is exact, the provider is asked to stop."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from accounts.models import User
from studio.errors import StudioError
from studio.media.storage import disposal
from studio.models import Disposal
from tests.conftest import MakeUser
from tests.fakes.google import FakeGoogle
from tests.fixtures.staff import entries_of
from tests.fixtures.video_jobs import MakeJob, balance, facts, job_request
from tests.operations.reconciliation.test_comparison import paid
from tests.threads import at_once
from tests.videos.engine.test_paid_path import PAID
from tests.videos.engine.transfer.test_transfer_step import MADE
from videos import creation, deletion, staff_actions, tasks
from videos.engine import cancellation, poll, submit, sweeper, transfer
from videos.models import VideoJob, new_lease
from videos.phases import Phase
from videos.providers.base import NotAccepted, NotCharged, OutcomeUnknown, Progress, Refused

pytestmark = pytest.mark.django_db
CHARGED = ("charge", -50, "", None)
NOT_ACCEPTED = ("refund", 50, "video job cancelled, and not accepted by the provider", None)


class Scripted:
    """A provider whose `start` cancels the job, as its owner does while the call runs, and then replies."""

    start_is_free = False

    def __init__(self, job: VideoJob, owner: User, reply: Any) -> None:
        self.job, self.owner, self.reply = job, owner, reply

    def start(self, request: Any) -> Any:
        cancellation.cancel(job_id=self.job.pk, actor=self.owner)
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


@pytest.mark.parametrize(
    ("reply", "refunds"),
    [
        (NotAccepted("busy"), [NOT_ACCEPTED]),
        (Refused("no"), [NOT_ACCEPTED]),
        (OutcomeUnknown("lost"), []),
    ],
)
def test_submit_in_flight_is_refunded_if_the_provider_refuses_it(
    make_user: MakeUser, make_job: MakeJob, reply: Exception, refunds: list[Any]
) -> None:
    ann = make_user()
    job = paid(make_job(ann, phase=Phase.SUBMITTING, lease=new_lease()))

    submit._call_provider(VideoJob.objects.get(pk=job.pk), Scripted(job, ann, reply), None, 0)  # type: ignore[arg-type]

    assert facts(job)[:3] == ("failed", None, "cancelled")
    assert entries_of(job) == [CHARGED, *refunds]


@pytest.mark.parametrize("policy", ["failed", "never"])
def test_other_policies_refund_a_submit_in_flight_once_or_never(
    make_user: MakeUser, make_job: MakeJob, settings: Any, policy: str
) -> None:
    settings.REFUND_POLICY = policy
    ann = make_user()
    job = paid(make_job(ann, phase=Phase.SUBMITTING, lease=new_lease()))

    submit._call_provider(VideoJob.objects.get(pk=job.pk), Scripted(job, ann, Refused("no")), None, 0)  # type: ignore[arg-type]

    kinds = [entry[0] for entry in entries_of(job)]
    assert kinds == (["charge", "refund"] if policy == "failed" else ["charge"])


def test_poll_in_flight_is_dropped_and_refunded_if_nothing_was_charged(make_user: MakeUser, make_job: MakeJob) -> None:
    ann = make_user()
    running, given_up = (paid(make_job(ann, phase=Phase.GENERATING)) for _ in range(2))
    read = {job.pk: VideoJob.objects.get(pk=job.pk) for job in (running, given_up)}
    for job in (running, given_up):
        cancellation.cancel(job_id=job.pk, actor=ann)

    poll.apply_poll_result(job=read[running.pk], result=Progress(percentage=50))
    poll.apply_poll_result(job=read[given_up.pk], result=NotCharged("gave up"))

    assert [facts(job)[:3] for job in (running, given_up)] == [("failed", None, "cancelled")] * 2
    assert [entries_of(job) for job in (running, given_up)] == [[CHARGED], [CHARGED, NOT_ACCEPTED]]


def test_transfer_in_flight_leaves_no_file(make_user: MakeUser, make_job: MakeJob) -> None:
    ann = make_user()
    job = paid(make_job(ann, phase=Phase.STORING))
    stale, names = VideoJob.objects.get(pk=job.pk), job.file_names
    transfer._register(stale, names)
    cancellation.cancel(job_id=job.pk, actor=ann)

    transfer._succeed(stale, names, **names, made=MADE, digest="ab")
    Disposal.objects.update(due_at="2020-01-01T00:00:00Z")
    disposal.sweep()

    job.refresh_from_db()
    assert (job.phase, job.error_code, job.video.name) == ("failed", "cancelled", "")
    assert not Disposal.objects.exists()


@pytest.mark.parametrize("ending", ["cancel", "staff", "delete"])
def test_provider_is_asked_to_stop_in_the_background(
    google: FakeGoogle,
    make_user: MakeUser,
    rq_hints: Any,
    django_capture_on_commit_callbacks: Any,
    ending: str,
) -> None:
    google.account.work_seconds = 600
    ann = make_user()
    job = creation.create(owner=ann, job_request=PAID)
    submit.submit(job_id=str(job.pk))
    job.refresh_from_db()
    end: dict[str, Callable[[], Any]] = {
        "cancel": partial(cancellation.cancel, job_id=job.pk, actor=ann),
        "staff": partial(staff_actions.fail_and_refund, job_id=job.pk, reason="x", actor=None),
        "delete": partial(deletion.delete, job_id=job.pk),
    }

    with django_capture_on_commit_callbacks(execute=True):
        end[ending]()
    asked_in_request = google.calls("cancel")
    tasks.cancel("google_omni", job.operation)

    assert (rq_hints()["media"], asked_in_request) == (["google_omni"], [])
    assert google.account.cancelled == {job.operation}


def test_operation_that_is_accepted_after_the_cancellation_is_asked_to_stop(
    google: FakeGoogle,
    make_user: MakeUser,
    rq_hints: Any,
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ann = make_user()
    job = creation.create(owner=ann, job_request=PAID)
    accept = submit._accept

    def accept_late(submitted: VideoJob, *accepted: Any) -> None:
        cancellation.cancel(job_id=job.pk, actor=ann)
        accept(submitted, *accepted)

    monkeypatch.setattr(submit, "_accept", accept_late)
    with django_capture_on_commit_callbacks(execute=True):
        submit.submit(job_id=str(job.pk))

    assert (facts(job)[:3], rq_hints()["media"]) == (("failed", None, "cancelled"), ["google_omni"])
    assert [entry[0] for entry in entries_of(job)] == ["charge"]  # paid at the provider


@pytest.mark.parametrize("fault", ["404", "500", "reset", "garbage"])
def test_provider_that_refuses_to_stop_changes_nothing(
    google: FakeGoogle, make_user: MakeUser, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    google.account.work_seconds = 600
    ann = make_user()
    job = creation.create(owner=ann, job_request=PAID)
    submit.submit(job_id=str(job.pk))
    job.refresh_from_db()
    cancellation.cancel(job_id=job.pk, actor=ann)
    google.script("cancel", fault)

    tasks.cancel("google_omni", job.operation)

    assert "operation.not_cancelled" in caplog.messages
    assert (facts(job)[:3], len(google.calls("cancel"))) == (("failed", None, "cancelled"), 1)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("step", ["submit", "poll", "fail", "delete", "twice"])
def test_cancelling_and_a_step_at_once_end_the_job_once(make_user: MakeUser, settings: Any, step: str) -> None:
    settings.MOCK_VIDEO_SECONDS = 0
    ann = make_user()
    for _ in range(6):
        job = creation.create(owner=ann, job_request=job_request("[mock:refused]" if step == "fail" else "A hat"))
        if step == "poll":
            submit.submit(job_id=str(job.pk))

        def cancel(job: VideoJob = job) -> str:
            try:
                cancellation.cancel(job_id=job.pk, actor=ann)
            except StudioError as exc:
                return exc.code
            return "cancelled"

        steps: dict[str, Callable[[], Any]] = {
            "submit": partial(submit.submit, job_id=str(job.pk)),
            "fail": partial(submit.submit, job_id=str(job.pk)),
            "poll": _poll_all,
            "delete": partial(_quietly, partial(deletion.delete, job_id=job.pk)),
            "twice": cancel,
        }
        answers = at_once([cancel, steps[step]])

        assert answers[0] in {"cancelled", "already_finished", "not_found"}
        row = VideoJob.objects.filter(pk=job.pk).first()
        kinds = Counter(entry[0] for entry in entries_of(job))
        assert kinds["charge"] == 1
        assert kinds["refund"] <= 1
        if answers[0] == "cancelled" and row:
            assert (row.phase, row.slot, row.error_code) == (Phase.FAILED, None, "cancelled")
            assert row.tokens_refunded == 50 * kinds["refund"]
        if step == "fail":  # whoever came first, the provider accepted nothing
            assert kinds["refund"] == 1
        VideoJob.objects.filter(pk=job.pk).delete()
    balance(ann)


def _poll_all() -> None:
    for job, spec in sweeper.claim_due_polls(10):
        poll.apply_poll_result(job=job, result=async_to_sync(poll.poll)(job, spec))


def _quietly(call: Callable[[], Any]) -> None:
    try:
        call()
    except StudioError:
        return
