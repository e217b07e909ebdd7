"""`manage.py jobs`: lists, reports and actions for operators."""

import io
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import ledger
from accounts.models import LedgerEntry
from studio.models import Disposal
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob
from videos.models import JobInput, VideoJob
from videos.phases import Phase

pytestmark = pytest.mark.django_db


def run(*args: str) -> str:
    out = io.StringIO()
    call_command("jobs", *args, stdout=out)
    return out.getvalue()


def listed(*filters: str) -> list[str]:
    return [job["id"] for job in json.loads(run("list", "--json", *filters))]


@pytest.fixture
def jobs(make_user: MakeUser, make_job: MakeJob) -> dict[str, VideoJob]:
    """From the newest to the oldest, an hour between two."""
    ann, ben = make_user(), make_user("ben@example.com")
    made = {
        "waiting": make_job(ann),
        "running": make_job(ben, phase=Phase.GENERATING, provider="google_vertex", mock_mode=False),
        "done": make_job(ann, phase=Phase.SUCCEEDED),
        "failed": make_job(ann, phase=Phase.FAILED, error_code="provider_misconfigured", error_message="No."),
    }
    for hours, job in enumerate(made.values()):
        VideoJob.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(hours=hours, seconds=5))
    return made


def ids(jobs: dict[str, VideoJob], *names: str) -> list[str]:
    return [str(jobs[name].pk) for name in names]


def test_list_is_a_table_that_fits(jobs: dict[str, VideoJob]) -> None:
    VideoJob.objects.filter(pk=jobs["done"].pk).update(owner=jobs["done"].owner)
    jobs["done"].owner.email = f"{'a' * 60}@example.com"
    jobs["done"].owner.save(update_fields=["email"])

    head, *lines = run("list").splitlines()

    assert head.split() == ["ID", "PHASE", "%", "AGE", "PROVIDER", "ERROR", "OWNER"]
    assert [line.split()[0] for line in lines] == ids(jobs, "waiting", "running", "done", "failed")
    assert all(len(line) <= 120 for line in lines)
    assert lines[1].split()[1:] == ["generating", "0", "1h", "google_vertex", "ben@example.com"]
    assert lines[3].split()[4:] == ["mock", "provider_misconfigured", f"{'a' * 25}…"]


def test_filters(jobs: dict[str, VideoJob]) -> None:
    assert listed() == ids(jobs, "waiting", "running", "done", "failed")
    assert listed("--limit", "2") == ids(jobs, "waiting", "running")
    assert listed("--status", "running") == ids(jobs, "running")
    assert listed("--phase", "QUEUED") == ids(jobs, "waiting")
    assert listed("--error", "provider_misconfigured") == ids(jobs, "failed")
    assert listed("--owner", "Ben@Example.com") == ids(jobs, "running")
    assert listed("--older-than", "90m") == ids(jobs, "done", "failed")
    assert listed("--older-than", "90m", "--status", "succeeded") == ids(jobs, "done")
    assert run("list", "--error", "nothing") == "No job matches.\n"


def test_list_asks_as_often_for_three_as_for_one(jobs: dict[str, VideoJob], django_assert_num_queries: Any) -> None:
    for limit in ("1", "3"):
        with django_assert_num_queries(1):
            run("list", "--limit", limit)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("list", "--older-than", "soon"), "'soon' is not a length of time such as 30m, 2h or 3d"),
        (("list", "--limit", "0"), "'0' is not a whole number from 1 to 10,000"),
        (("list", "--owner", "nobody@example.com"), "No user has the e-mail address 'nobody@example.com'."),
        (("list", "--status", "lost"), "invalid choice: 'LOST'"),
        (("show", "xyz"), "'xyz' is not the beginning of an id: 4 or more of 0-9 and a-f."),
        (("show", "abc"), "'abc' is not the beginning of an id: 4 or more of 0-9 and a-f."),
        (("show", "0000"), "No video job has an id that begins with 0000."),
        ((), "the following arguments are required: COMMAND"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(args: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError) as raised:
        run(*args)
    assert message in str(raised.value)


def test_beginning_has_to_be_of_one_job(make_user: MakeUser, make_job: MakeJob) -> None:
    ann = make_user()
    first = make_job(ann, id=uuid.UUID("12345678-0000-4000-8000-000000000001"))
    second = make_job(ann, id=uuid.UUID("12345678-1000-4000-8000-000000000002"))

    with pytest.raises(CommandError) as raised:
        run("show", "1234")

    assert str(raised.value) == (
        f"Several ids begin with 1234, such as {first.pk} and {second.pk}; give more characters."
    )
    assert json.loads(run("show", "12345678-1", "--json"))["job"]["id"] == str(second.pk)
    assert json.loads(run("show", str(first.pk).upper(), "--json"))["job"]["id"] == str(first.pk)


def test_show_prints_everything(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.SUCCEEDED, provider_reply="raw words\nof the provider")
    ledger.charge(account=job.owner.token_account, job_id=job.pk, tokens=50)
    job.log("The video is ready.")
    JobInput.objects.create(job=job, role="first_frame", file_name="inputs/gone.png", content_type="image/png")
    default_storage.save(str(job.video.name), ContentFile(b"video"))

    facts, text = json.loads(run("show", str(job.pk), "--json")), run("show", str(job.pk))

    default_storage.delete(str(job.video.name))
    assert facts["job"].items() >= {"id": str(job.pk), "owner": "ann@example.com", "status": "SUCCEEDED"}.items()
    assert [line["message"] for line in facts["log"]] == ["The video is ready."]
    assert [(entry["kind"], entry["amount"]) for entry in facts["ledger"]] == [("charge", -50)]
    assert [(file["name"], file["bytes"], file["state"]) for file in facts["files"]] == [
        (job.video.name, 5, "stored"),
        ("inputs/gone.png", None, "missing"),
    ]
    assert facts["provider_reply"] == "raw words\nof the provider"
    assert "  of the provider\n" in text
    assert f"  {job.video.name}  stored, 5 bytes\n" in text
    assert text.endswith(f"  manage.py jobs delete {job.pk}\n")


def test_lost_job_can_be_adopted(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.FAILED, error_code="submission_unknown", error_message="Lost.")

    assert json.loads(run("show", str(job.pk), "--json"))["next"][0] == f"manage.py adopt_operation {job.pk} NAME"


def test_show_prints_deviations_from_the_request(make_user: MakeUser, make_job: MakeJob) -> None:
    refused_by = [["google_omni", "gemini-omni-1.1-flash"]]
    delivered = {"delivered_seconds": 6.04, "delivered_aspect_ratio": "9:16"}
    job = make_job(make_user(), phase=Phase.SUCCEEDED, refused_by=refused_by, **delivered)

    lines = run("show", str(job.pk)).splitlines()

    assert {
        "duration_seconds       4",
        "aspect_ratio           16:9",
        "delivered_seconds      6.04",
        "delivered_aspect_ratio 9:16",
        "refused_by             [['google_omni', 'gemini-omni-1.1-flash']]",
    } <= set(lines)


def paid(job: VideoJob) -> VideoJob:
    ledger.charge(account=job.owner.token_account, job_id=job.pk, tokens=50)
    return job


def test_retry_makes_a_new_job(make_user: MakeUser, make_job: MakeJob) -> None:
    job = paid(make_job(make_user(), phase=Phase.FAILED, input_count=0))

    said = json.loads(run("retry", str(job.pk)[:8], "--free", "--json"))

    again = VideoJob.objects.exclude(pk=job.pk).get()
    assert said == {"id": str(again.pk), "of": str(job.pk), "tokens": 0}
    assert (again.phase, again.prompt, again.owner) == (Phase.QUEUED, job.prompt, job.owner)


def test_retry_at_the_usual_price(make_user: MakeUser, make_job: MakeJob) -> None:
    job = paid(make_job(make_user(), phase=Phase.FAILED, input_count=0))

    said = run("retry", str(job.pk))

    job.owner.token_account.refresh_from_db()
    assert "retries it, for 50 tokens; see manage.py jobs show " in said
    assert job.owner.token_account.balance == 900


def test_refund_once(make_user: MakeUser, make_job: MakeJob) -> None:
    job = paid(make_job(make_user(), phase=Phase.SUCCEEDED))

    said = run("refund", str(job.pk), "--reason", "the video was black")

    entry = LedgerEntry.objects.get(kind="refund")
    assert said == "50 tokens were refunded to ann@example.com.\n"
    assert (entry.amount, entry.note) == (50, "the video was black")
    with pytest.raises(CommandError, match="were refunded before"):
        run("refund", str(job.pk), "--reason", "again")


def test_cancel_ends_and_refunds(make_user: MakeUser, make_job: MakeJob) -> None:
    job = paid(make_job(make_user(), phase=Phase.GENERATING))

    said = run("cancel", str(job.pk), "--reason", "asked by phone")

    job.refresh_from_db()
    assert said == f"Job {job.pk} is cancelled, and its tokens were refunded to ann@example.com.\n"
    assert (job.phase, job.slot) == (Phase.FAILED, None)
    with pytest.raises(CommandError, match="This job is finished"):
        run("cancel", str(job.pk), "--reason", "again")


def test_poll_makes_it_due(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING, due_at=timezone.now() + timedelta(hours=1))

    run("poll", str(job.pk))

    assert VideoJob.objects.due(Phase.GENERATING).get() == job


def test_delete_gives_the_files_up(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.SUCCEEDED)

    run("delete", str(job.pk))

    assert not VideoJob.objects.exists()
    assert [row.name for row in Disposal.objects.all()] == [job.video.name]
