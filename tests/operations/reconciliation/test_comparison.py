"""`adopt_operation` and `reconcile`."""

import io
import json
import uuid
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from accounts import ledger
from accounts.models import TokenAccount
from operations.reconciliation import comparison
from operations.reconciliation.runs import claim, last_reconciliation
from operations.reconciliation.stray_files import stored_names
from studio.media.storage import disposal
from studio.models import Disposal
from tests.conftest import MakeUser
from tests.fakes.cloudinary import FakeCloudinary
from tests.fixtures.video_jobs import MakeJob
from tests.studio.media.cloudinary_files import backend_of
from videos.limits import add_to_job_count
from videos.models import VideoJob
from videos.phases import Phase

pytestmark = pytest.mark.django_db


def run(*command: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command(*command, stdout=out)
    except SystemExit as exc:
        return int(exc.code or 0), out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def lost(make_user: MakeUser, make_job: MakeJob) -> VideoJob:
    return make_job(make_user(), phase=Phase.FAILED, error_code="submission_unknown", error_message="Lost.")


def test_lost_job_continues_with_its_operation(lost: VideoJob) -> None:
    run("adopt_operation", str(lost.pk), " mock?began=7&seconds=1&scenario= ")

    lost.refresh_from_db()
    assert (lost.phase, lost.operation, lost.slot, lost.error_code, lost.error_message, lost.completed_at) == (
        Phase.GENERATING,
        "mock?began=7&seconds=1&scenario=",
        1,
        "",
        "",
        None,
    )
    assert VideoJob.objects.due(Phase.GENERATING).get() == lost


def test_only_a_lost_job_is_adopted(make_user: MakeUser, make_job: MakeJob) -> None:
    for phase in (Phase.GENERATING, Phase.SUCCEEDED, Phase.FAILED):
        with pytest.raises(CommandError, match="submission_unknown"):
            call_command("adopt_operation", str(make_job(make_user(f"{phase}@example.com"), phase=phase).pk), "x")


def test_operation_of_another_job_is_refused(lost: VideoJob, make_job: MakeJob) -> None:
    taken = make_job(lost.owner, phase=Phase.GENERATING)

    with pytest.raises(CommandError, match="Another job"):
        call_command("adopt_operation", str(lost.pk), taken.operation)


def test_job_of_an_owner_without_a_free_slot_is_refused_for_now(lost: VideoJob, make_job: MakeJob) -> None:
    for _ in range(3):
        make_job(lost.owner)

    with pytest.raises(CommandError, match="three unfinished jobs"):
        call_command("adopt_operation", str(lost.pk), "mock?began=7&seconds=1&scenario=")


@pytest.mark.parametrize("name", ["", "  ", "x" * 1001, "a\nb"])
def test_name_that_no_operation_has_is_refused(lost: VideoJob, name: str) -> None:
    with pytest.raises(CommandError, match="No operation of mock has the name"):
        call_command("adopt_operation", str(lost.pk), name)


def test_unknown_job_is_refused() -> None:
    with pytest.raises(CommandError, match="no such video job"):
        call_command("adopt_operation", str(uuid.uuid4()), "x")


def paid(job: VideoJob) -> VideoJob:
    ledger.charge(account=job.owner.token_account, job_id=job.pk, tokens=50)
    return job


@pytest.fixture
def agreeing(make_user: MakeUser, make_job: MakeJob) -> VideoJob:
    for name in list(stored_names(default_storage)):
        default_storage.delete(name)
    job = paid(make_job(make_user(), phase=Phase.SUCCEEDED))
    default_storage.save(str(job.video.name), ContentFile(b"video"))
    return job


def test_everything_agrees(agreeing: VideoJob) -> None:
    assert run("reconcile") == (0, "Everything agrees.\n")


def test_finding_is_printed_once(agreeing: VideoJob, caplog: pytest.LogCaptureFixture) -> None:
    default_storage.save("videos/stray.mp4", ContentFile(b"x"))

    assert run("reconcile")[1].count("videos/stray.mp4") == 1
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_wrong_balance_is_found(agreeing: VideoJob) -> None:
    TokenAccount.objects.update(balance=7)
    account = agreeing.owner.token_account

    status, output = run("reconcile")

    assert (status, output) == (
        1,
        f"balance    Account {account.pk} has 7 tokens, its entries sum to 950.\n1 mismatches.\n",
    )


def test_wrong_count_of_jobs_is_found_and_fixed(agreeing: VideoJob) -> None:
    add_to_job_count(user_id=agreeing.owner_id, more=6)
    account = agreeing.owner.token_account

    assert run("reconcile") == (
        1,
        f"count      Account {account.pk} counts 7 video jobs; there are 1.\n1 mismatches.\n",
    )
    run("reconcile", "--fix")
    assert run("reconcile") == (0, "Everything agrees.\n")
    assert TokenAccount.objects.get(pk=account.pk).video_job_count == 1


def test_job_without_or_with_another_charge_is_found(agreeing: VideoJob, make_job: MakeJob) -> None:
    unpaid = make_job(agreeing.owner, phase=Phase.FAILED)
    VideoJob.objects.filter(pk=agreeing.pk).update(tokens_charged=20)

    output = json.loads(run("reconcile", "--json")[1])

    assert sorted(mismatch["sentence"] for mismatch in output) == sorted(
        [
            f"Job {agreeing.pk} has 20 tokens, its charge -50.",
            f"Job {unpaid.pk} has no charge in the ledger.",
        ]
    )


def test_lost_video_is_found(agreeing: VideoJob) -> None:
    default_storage.delete(str(agreeing.video.name))

    status, output = run("reconcile")

    assert (status, f"Job {agreeing.pk} succeeded" in output) == (1, True)


def test_stray_files_are_removed_with_fix(agreeing: VideoJob) -> None:
    default_storage.save("videos/stray.mp4", ContentFile(b"x"))
    default_storage.save("inputs/deep/stray.png", ContentFile(b"x"))
    default_storage.save("looks/waits.png", ContentFile(b"x"))
    disposal.dispose(["looks/waits.png"], after_seconds=60)

    found = json.loads(run("reconcile", "--json")[1])
    untouched = Disposal.objects.count()
    run("reconcile", "--fix")
    disposal.sweep()

    assert {mismatch["file"] for mismatch in found} == {"videos/stray.mp4", "inputs/deep/stray.png"}
    assert untouched == 1
    assert not default_storage.exists("videos/stray.mp4")
    assert default_storage.exists(str(agreeing.video.name))


def test_storage_that_fails_is_a_mismatch_after_those_of_money(agreeing: VideoJob, settings: Any) -> None:
    with FakeCloudinary() as fake:
        settings.STORAGES = settings.STORAGES | {"default": backend_of(fake)}
        fake.script("head", "403 suspended", times=100)
        TokenAccount.objects.update(balance=7)

        status, output = run("reconcile")

    assert (status, [line.split("  ")[0] for line in output.splitlines()]) == (
        1,
        ["balance", "storage", "2 mismatches."],
    )
    assert "the delivery responded 403: suspended" in output


def test_progress_goes_to_stderr(agreeing: VideoJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "PROGRESS_EVERY", 1)
    err = io.StringIO()

    call_command("reconcile", stdout=io.StringIO(), stderr=err)

    assert err.getvalue().splitlines() == [
        "1 accounts compared with the ledger",
        "1 jobs compared with the ledger",
        "1 videos checked in the storage",
    ]


def test_result_of_the_command_becomes_the_last_one(agreeing: VideoJob) -> None:
    TokenAccount.objects.update(balance=7)
    run("reconcile")
    wrong = last_reconciliation()
    TokenAccount.objects.update(balance=950)
    VideoJob.objects.update(tokens_refunded=50)
    run("reconcile", "--fix")
    mended = last_reconciliation()

    assert (wrong.found["balance"], wrong.finished_at is None) == (1, False)
    assert set(mended.found.values()) == {0}


def test_result_of_the_command_is_dropped_while_a_process_holds_a_run(agreeing: VideoJob) -> None:
    claim()

    run("reconcile")

    assert last_reconciliation().finished_at is None
