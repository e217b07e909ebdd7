"""A finished video could not be stored: staff store it after all, once and free of charge."""

import io
import json
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import LedgerEntry, User
from operations.reconciliation.comparison import reconcile
from studio.errors import Conflict, NotAllowed, NotFound, StudioError, Unavailable
from studio.media.storage import disposal
from studio.models import Disposal
from studio.observability.health import Depth, Health, run_checks
from tests.conftest import MakeUser
from tests.fakes.google import FakeGoogle
from tests.fixtures.staff import MakeStaff
from tests.fixtures.video_jobs import MakeJob
from tests.operations.reconciliation.test_comparison import paid
from tests.threads import at_once
from tests.videos.engine.test_paid_path import aged, drive
from videos import creation, deletion
from videos.engine import outcomes
from videos.failures import FAILURES, RESUMABLE
from videos.models import VideoJob
from videos.phases import Phase
from videos.recovery import retry
from videos.recovery.resumption import resume_storing

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
SILENT = "does not say whether it still has the file"
DENIED = r"refuses to give us the file\. Nothing was changed\. Check its key and account: download:"
CHANGED = ("phase", "error_code", "slot", "completed_at", "tokens_refunded", "updated_at")


@pytest.fixture
def made(google: FakeGoogle, make_user: MakeUser) -> VideoJob:
    """A job that failed in storing while Google still has its video; its tokens were refunded."""
    from tests.videos.engine.transfer.test_transfer import PAID  # noqa: PLC0415 - a module of tests, with a fixture of this name

    job = drive(creation.create(owner=make_user(), job_request=PAID), rounds=2)
    assert job.phase == Phase.STORING
    outcomes.fail(job=job, code="storage_failed", detail="401: by script")
    return VideoJob.objects.get(pk=job.pk)


@pytest.fixture
def operator(make_staff: MakeStaff) -> User:
    return make_staff("operate_videojob", "view_videojob")


def state(job: VideoJob) -> tuple[Any, ...]:
    """The state that a refusal must leave unchanged."""
    row = VideoJob.objects.filter(pk=job.pk).values_list(*CHANGED).first()
    entries = list(LedgerEntry.objects.filter(video_job_id=job.pk).order_by("created_at").values_list("kind", "amount"))
    return row, entries, job.logs.count(), LogEntry.objects.count()


def test_video_is_stored_after_all_for_nothing(made: VideoJob, google: FakeGoogle, operator: User) -> None:
    resume_storing(job_id=made.pk, actor=operator)
    job = drive(made)

    owner = User.objects.get(pk=job.owner_id)
    assert (job.phase, job.error_code, job.slot, job.tokens_refunded) == (Phase.SUCCEEDED, "", None, 50)
    assert (len(google.account.works), len(google.calls("submit"))) == (1, 1)
    # the refund stays, and no charge follows: the failure was ours
    assert state(job)[1] == [("charge", -50), ("refund", 50)]
    assert owner.token_account.balance == 1000
    assert [found.kind for found in reconcile(fix=False) if found.kind not in {"stray file", "lost file"}] == []
    lines = list(job.logs.order_by("timestamp", "id").values_list("message", flat=True))
    assert lines[-2:] == ["The provider still has the video; storing it again.", "The video is ready."]
    assert [(entry.actor, entry.changes["action"][1]) for entry in LogEntry.objects.all()] == [
        (operator, "Resume storing")
    ]


def test_what_earlier_tries_left_is_not_removed_while_the_video_is_stored_again(made: VideoJob) -> None:
    names = [f"videos/{made.pk}.jpg", f"videos/{made.pk}.mp4"]
    disposal.dispose(names)  # due by now
    resume_storing(job_id=made.pk, actor=None)

    assert (disposal.sweep(), list(Disposal.objects.order_by("name").values_list("name", flat=True))) == (0, names)
    assert (drive(made).phase, Disposal.objects.filter(name__in=names).count()) == (Phase.SUCCEEDED, 0)


def test_tokens_that_were_kept_stay_kept(made: VideoJob, settings: Any, make_job: MakeJob) -> None:
    settings.REFUND_POLICY = "never"
    job = paid(make_job(made.owner, phase=Phase.STORING))
    outcomes.fail(job=job, code="storage_failed")

    resume_storing(job_id=job.pk, actor=None)

    assert drive(job).phase == Phase.SUCCEEDED
    assert state(job)[1] == [("charge", -50)]


def test_file_that_the_provider_no_longer_has_is_refused_and_nothing_changes(
    made: VideoJob, google: FakeGoogle
) -> None:
    google.account.works.clear()
    before = state(made)

    with pytest.raises(Conflict, match="The provider no longer has the file: download: 404"):
        resume_storing(job_id=made.pk, actor=None)

    assert state(made) == before


@pytest.mark.parametrize(
    ("fault", "words"), [("503", SILENT), ("reset", SILENT), ("401", f"{DENIED} 401"), ("403", f"{DENIED} 403")]
)
def test_provider_that_does_not_say_is_asked_later(made: VideoJob, google: FakeGoogle, fault: str, words: str) -> None:
    google.script("download", fault)
    before = state(made)

    with pytest.raises(Unavailable, match=words):
        resume_storing(job_id=made.pk, actor=None)
    unchanged = state(made) == before
    resume_storing(job_id=made.pk, actor=None)

    assert (unchanged, drive(made).phase) == (True, Phase.SUCCEEDED)


def test_response_that_is_no_video_is_not_called_a_file_that_is_gone(made: VideoJob, google: FakeGoogle) -> None:
    google.script("download", "redirect")

    with pytest.raises(Conflict, match=r"is not the finished file\. Nothing was changed\. It says: download: led to "):
        resume_storing(job_id=made.pk, actor=None)


@pytest.mark.parametrize("fault", ["401", "403"])
def test_key_that_was_rotated_is_named_for_a_video_inside_an_interaction(
    google: FakeGoogle, made: VideoJob, fault: str
) -> None:
    google.account.omni_gives_urls = False
    VideoJob.objects.filter(pk=made.pk).update(result=made.operation)
    google.script("poll", fault)

    with pytest.raises(Unavailable, match="refuses to give us the file"):
        resume_storing(job_id=made.pk, actor=None)


def test_video_inside_an_interaction_is_found_and_missed(
    google: FakeGoogle, made: VideoJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    google.account.omni_gives_urls = False
    VideoJob.objects.filter(pk=made.pk).update(result=made.operation)
    works = dict(google.account.works)
    google.account.works.clear()

    with pytest.raises(Conflict, match="no longer has the file"):
        resume_storing(job_id=made.pk, actor=None)
    google.account.works.update(works)
    resume_storing(job_id=made.pk, actor=None)

    assert drive(made).phase == Phase.SUCCEEDED


@pytest.mark.parametrize("code", sorted(set(FAILURES) - RESUMABLE))
def test_only_a_job_that_failed_in_storing_is_resumed(make_user: MakeUser, make_job: MakeJob, code: str) -> None:
    fields = {"result": "mock", "operation": "mock?began=0&seconds=1&scenario="}
    job = make_job(make_user(), phase=Phase.FAILED, error_code=code, **fields)

    with pytest.raises(Conflict, match="failed as storage_failed"):
        resume_storing(job_id=job.pk, actor=None)


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase != Phase.FAILED])
def test_job_in_another_phase_is_not_resumed(make_user: MakeUser, make_job: MakeJob, phase: Phase) -> None:
    with pytest.raises(Conflict, match="failed as storage_failed"):
        resume_storing(job_id=make_job(make_user(), phase=phase).pk, actor=None)


def test_permission_is_required(made: VideoJob, make_staff: MakeStaff, google: FakeGoogle) -> None:
    calls = len(google.account.calls)

    with pytest.raises(NotAllowed):
        resume_storing(job_id=made.pk, actor=make_staff("refund_videojob", email="support@example.com"))

    assert len(google.account.calls) == calls


def test_owner_without_a_slot_and_owner_with_another_video_are_refused(made: VideoJob, make_job: MakeJob) -> None:
    live = [make_job(made.owner) for _ in range(3)]
    with pytest.raises(Conflict, match="three unfinished jobs"):
        resume_storing(job_id=made.pk, actor=None)
    deletion.delete(job_id=live[0].pk)

    retry.retry_by_staff(job_id=made.pk, charge=False, actor=None)
    deletion.delete(job_id=live[1].pk)

    with pytest.raises(Conflict, match="two videos"):
        resume_storing(job_id=made.pk, actor=None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("rival", ["resume", "delete", "retry"])
def test_races_have_one_winner(made: VideoJob, rival: str) -> None:
    def answer(work: Any, **more: Any) -> str:
        try:
            work(job_id=made.pk, **more)
        except StudioError as exc:
            return type(exc).__name__
        return "done"

    rivals = {
        "resume": lambda: answer(resume_storing, actor=None),
        "delete": lambda: answer(deletion.delete),
        "retry": lambda: answer(retry.retry_by_staff, charge=False, actor=None),
    }
    first, second = at_once([rivals["resume"], rivals[rival]])

    won = [first, second].count("done")
    job = VideoJob.objects.filter(pk=made.pk).first()
    entries = [entry for entry in state(made)[1] if entry[1]]
    assert entries == [("charge", -50), ("refund", 50)]
    if rival == "delete":  # it comes before, or after; either way the job is gone
        assert (second, job, first in {"done", NotFound.__name__}) == ("done", None, True)
        return
    assert won == 1
    assert job is not None
    assert (job.phase == Phase.STORING) == (first == "done" or rival == "resume")
    assert VideoJob.objects.live().count() == 1


def test_command_resumes_several_and_says_what_was_refused(made: VideoJob, make_job: MakeJob) -> None:
    other = make_job(made.owner, phase=Phase.FAILED)
    out = io.StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("jobs", "resume", str(other.pk)[:13], str(made.pk), "--json", stdout=out)

    answer = json.loads(out.getvalue())
    assert ended.value.code == 1
    assert [(row["id"], row["resumed"]) for row in answer] == [(str(other.pk)[:13], False), (str(made.pk), True)]
    assert "storage_failed" in answer[0]["refusal"]
    assert drive(made).phase == Phase.SUCCEEDED
    with pytest.raises(CommandError, match="ID"):
        call_command("jobs", "resume")


def test_command_and_report_say_what_can_be_done(made: VideoJob) -> None:
    shown, out = io.StringIO(), io.StringIO()
    call_command("jobs", "show", str(made.pk), "--json", stdout=shown)
    call_command("jobs", "resume", str(made.pk)[:13], stdout=out)

    assert json.loads(shown.getvalue())["next"][0] == f"manage.py jobs resume {made.pk}"
    assert out.getvalue() == f"Job {made.pk} is fetched and stored again; see manage.py jobs show.\n"


def test_page_asks_and_resumes(made: VideoJob, client: Client, operator: User) -> None:
    client.force_login(operator)
    page = f"/admin/videos/videojob/{made.pk}/resume/"

    offered = page in client.get(f"/admin/videos/videojob/{made.pk}/change/").content.decode()
    asked = client.get(page).content.decode()
    answer = client.post(page, {"confirmed": "yes"}, follow=True).content.decode()

    made.refresh_from_db()
    assert (offered, "Nothing is charged" in asked, made.phase) == (True, True, Phase.STORING)
    assert "The provider still has the file" in answer


def test_page_says_that_the_file_is_gone(
    made: VideoJob, google: FakeGoogle, client: Client, make_staff: MakeStaff
) -> None:
    google.account.works.clear()
    operator, viewer = make_staff("operate_videojob", "view_videojob"), make_staff("view_videojob", email="v@x.com")
    page = f"/admin/videos/videojob/{made.pk}/resume/"
    before = state(made)

    client.force_login(viewer)
    forbidden = client.post(page, {"confirmed": "yes"}).status_code
    client.force_login(operator)
    refused = client.post(page, {"confirmed": "yes"}).content.decode()

    assert (forbidden, "The provider no longer has the file" in refused, state(made)) == (403, True, before)


def test_resumed_so_late_it_has_some_tries(made: VideoJob, google: FakeGoogle) -> None:
    resume_storing(job_id=made.pk, actor=None)
    google.script("download", "503", times=2)

    assert drive(aged(made)).phase == Phase.SUCCEEDED


def test_what_failed_in_storing_is_a_finding_until_it_is_resumed(made: VideoJob) -> None:
    before = run_checks(depth=Depth.QUICK)["transfers"]
    resume_storing(job_id=made.pk, actor=None)
    after = run_checks(depth=Depth.QUICK)["transfers"]

    assert (before.health, after.health) == (Health.DEGRADED, Health.OK)
    assert before.sentence == (
        f"Generated videos whose jobs failed while storing, in two days: 1. The oldest, {made.pk}: 401: by script. "
        "The provider may still have them; see manage.py jobs resume --help."
    )
