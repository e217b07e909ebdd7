"""The row of a job that was submitted after the backup is recreated from the log."""

import io
import json
import logging
import uuid
from pathlib import Path

import pytest
from auditlog.models import LogEntry
from django.core.management import CommandError, call_command

from accounts.models import LedgerEntry, TokenAccount
from operations.reconciliation.comparison import reconcile
from operations.reconciliation.mismatches import MONEY
from studio.observability.log import JsonFormatter
from tests.conftest import MakeUser
from tests.fakes.google import FakeGoogle
from tests.fixtures.video_jobs import ORDER, MakeJob, make_due, poll_due_jobs
from videos import creation
from videos.deletion import delete
from videos.engine import submit
from videos.job_requests import VideoJobRequest
from videos.models import VideoJob
from videos.phases import Phase

pytestmark = pytest.mark.django_db
MODEL = "veo-3.1-generate-preview"
NAME = f"models/{MODEL}/operations/abc"
PAID = VideoJobRequest(**{**vars(ORDER), "mock_mode": False, "aspect_ratio": "9:16", "prompt": "A secret red dress"})


def adopt(*arguments: str) -> str:
    out = io.StringIO()
    try:
        call_command("adopt_operation", *arguments, stdout=out)
    except SystemExit as exc:
        return f"{out.getvalue()}exit {exc.code}\n"
    return out.getvalue()


def options(owner: str, **more: str) -> list[str]:
    given = {"owner": owner, "provider": "google_veo", "model": MODEL} | more
    return [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", value)]


def accepted(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines as a log of LOG_FORMAT=json has them."""
    records = caplog.get_records("setup")
    return [JsonFormatter().format(record) for record in records if record.message == "operation.accepted"]


def lose(job: VideoJob) -> None:
    """Leave the database as a backup from before the submit."""
    delete(job_id=job.pk)
    LedgerEntry.objects.filter(video_job_id=job.pk)._raw_delete("default")
    TokenAccount.objects.update(balance=1000)


@pytest.fixture
def bought(make_user: MakeUser, google: FakeGoogle, caplog: pytest.LogCaptureFixture) -> VideoJob:
    caplog.set_level(logging.INFO)
    job = creation.create(owner=make_user(), job_request=PAID)
    submit.submit(job_id=str(job.pk))
    return VideoJob.objects.get()


def test_log_line_says_all_but_the_prompt(bought: VideoJob, caplog: pytest.LogCaptureFixture) -> None:
    (line,) = accepted(caplog)

    facts = json.loads(line)
    for name in ("time", "level", "logger", "message", "request_id"):
        facts.pop(name, None)
    assert facts == {
        "job_id": str(bought.pk),
        "owner_id": str(bought.owner_id),
        "provider": bought.provider,
        "model": MODEL,
        "upstream_model": bought.upstream_model,
        "resolution": "720p",
        "aspect_ratio": "9:16",
        "duration_seconds": 4,
        "generate_audio": False,
        "tokens": 50,
        "request_digest": PAID.digest(),
        "operation": bought.operation,
    }
    assert "secret" not in line


def test_lost_job_is_made_again_from_the_log(
    bought: VideoJob, caplog: pytest.LogCaptureFixture, tmp_path: Path, google: FakeGoogle
) -> None:
    log = tmp_path / "log"
    log.write_text("\n".join(["not JSON at all", f"Nov 30 studio[7]: {accepted(caplog)[0]}", '{"message": "other"}']))
    lose(bought)

    first, again = adopt("--log", str(log)), adopt("--log", str(log))

    job = VideoJob.objects.get()
    assert first == f"Job {bought.pk} is restored, 50 tokens charged.\n1 adopted, 0 already known, 0 refused.\n"
    assert again == "0 adopted, 1 already known, 0 refused.\n"
    columns = ("pk", "owner_id", "provider", "upstream_model", "operation", "aspect_ratio", "duration_seconds", "phase")
    assert [getattr(job, name) for name in columns] == [getattr(bought, name) for name in columns]
    account = TokenAccount.objects.get()
    (charge,) = LedgerEntry.objects.filter(kind="charge")
    assert (account.balance, account.video_job_count, charge.video_job_id, charge.amount) == (950, 1, job.pk, -50)
    make_due(job)
    poll_due_jobs()
    assert (VideoJob.objects.get().phase, len(google.calls("submit"))) == (Phase.STORING, 1)


def test_failed_job_of_the_log_is_adopted(bought: VideoJob, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(accepted(caplog)[0])
    VideoJob.objects.update(phase=Phase.QUEUED, operation="", submit_attempts=0)
    call_command("restore", settle=True, stdout=io.StringIO())

    said = adopt("--log", str(tmp_path / "log"))

    job = VideoJob.objects.get()
    assert said == f"Job {job.pk} continues.\n1 adopted, 0 already known, 0 refused.\n"
    assert (job.phase, job.operation) == (Phase.GENERATING, bought.operation)


def test_last_operation_of_a_job_counts(bought: VideoJob, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    line = accepted(caplog)[0]
    (tmp_path / "log").write_text(f"{line}\n{line.replace(bought.operation, 'v1_other')}\n")
    lose(bought)

    adopt("--log", str(tmp_path / "log"))

    assert VideoJob.objects.get().operation == "v1_other"


def test_operation_is_adopted_by_hand(make_user: MakeUser, google: FakeGoogle) -> None:
    ann = make_user()

    said = adopt(*options("Ann@Example.com"), NAME)

    job = VideoJob.objects.get()
    assert said == f"Job {job.pk} is restored, 50 tokens charged; the sweeper polls the provider within seconds.\n"
    assert (job.owner, job.phase, job.slot, job.resolution, job.aspect_ratio, job.duration_seconds) == (
        ann,
        Phase.GENERATING,
        1,
        "720p",
        "16:9",
        8,
    )
    entry = LogEntry.objects.get_for_object(job).get()
    assert (entry.changes["action"][1], entry.changes["operation"][1], entry.changes["tokens"][1]) == (
        "Recreate from an operation",
        NAME,
        "50",
    )
    with pytest.raises(CommandError, match=f"Job {job.pk} has this operation"):
        adopt(*options(str(ann.pk), id=str(uuid.uuid4())), NAME)


def test_owner_without_tokens_gets_it_free_only(make_user: MakeUser, google: FakeGoogle) -> None:
    make_user(tokens=49)

    with pytest.raises(CommandError, match="The owner has 49 of the 50 tokens; --free recreates the job"):
        adopt(*options("ann@example.com"), NAME)
    nothing = (VideoJob.objects.count(), LedgerEntry.objects.exclude(kind="signup").count())
    said = adopt(*options("ann@example.com"), "--free", NAME)

    assert (nothing, "free of charge" in said) == ((0, 0), True)
    assert LedgerEntry.objects.get(kind="charge").amount == 0
    assert [found for found in reconcile(fix=False) if found.kind in MONEY] == []


def test_full_owner_is_waited_for(make_user: MakeUser, make_job: MakeJob, google: FakeGoogle) -> None:
    for _ in range(3):
        make_job(make_user() if not VideoJob.objects.exists() else VideoJob.objects.all()[0].owner)

    with pytest.raises(CommandError, match="three unfinished jobs"):
        adopt(*options("ann@example.com"), NAME)


def test_id_of_a_deleted_or_known_job_is_refused(make_user: MakeUser, make_job: MakeJob, google: FakeGoogle) -> None:
    ann = make_user()
    there = make_job(ann)
    gone = creation.create(owner=ann, job_request=ORDER)
    delete(job_id=gone.pk)

    for job, sentence in ((there, "name it in place of --owner"), (gone, "which was deleted")):
        with pytest.raises(CommandError, match=sentence):
            adopt(*options("ann@example.com", id=str(job.pk)), NAME)
    assert VideoJob.objects.get() == there


REFUSED: list[tuple[dict[str, str], str]] = [
    ({"owner": "ben@example.com"}, "No account has the address 'ben@example.com'"),
    ({"owner": "550e8400-e29b-41d4-a716-446655440000"}, "users who registered after the backup"),
    ({"model": "veo-9"}, "--model: Must be one of"),
    ({"provider": "google_vertex"}, "google_vertex is not set up on this server: VERTEX_API_KEY or VERTEX_PROJECT"),
    ({"provider": "google_omni"}, "google_omni has several for this model; add --upstream-model gemini-omni-"),
    ({"provider": "mock"}, "invalid choice: 'mock'"),
    ({"duration": "7"}, "invalid choice: 7"),
]


@pytest.mark.parametrize(("given", "sentence"), REFUSED)
def test_values_that_no_job_has_are_refused(
    make_user: MakeUser, google: FakeGoogle, given: dict[str, str], sentence: str
) -> None:
    make_user()

    with pytest.raises(CommandError, match=sentence):
        adopt(*options(**{"owner": "ann@example.com", **given}), NAME)

    assert not VideoJob.objects.exists()


@pytest.mark.parametrize("arguments", [[], ["x"], ["--log", "f", "x"], ["--owner", "a", "x"]])
def test_log_and_operation_exclude_each_other(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match=r"^(Give JOB NAME|With --owner)") as raised:
        adopt(*arguments)

    assert raised.value.returncode == 2


@pytest.mark.parametrize(
    ("given", "operation", "sentence"),
    [
        ({}, "v1_../../../../etc/passwd?x=1#", "No operation of google_veo has the name"),
        ({}, "v1_7", "one is spelled like models/veo-3.1-generate-preview/operations/abc123"),
        ({"upstream_model": "x;drop"}, NAME, "--upstream-model: No provider's model has the name"),
        ({"upstream_model": "../x"}, NAME, "--upstream-model: No provider's model has the name"),
        ({"upstream_model": "x" * 101}, NAME, "--upstream-model: No provider's model has the name"),
    ],
)
def test_names_that_lead_to_other_urls_are_refused(
    make_user: MakeUser, google: FakeGoogle, given: dict[str, str], operation: str, sentence: str
) -> None:
    make_user()

    with pytest.raises(CommandError, match=sentence):
        adopt(*options("ann@example.com", **given), operation)

    assert (VideoJob.objects.count(), LedgerEntry.objects.filter(kind="charge").count()) == (0, 0)
