"""What an export contains, and what it must not."""

import csv
import io
import json
import stat
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import ledger, tasks
from accounts.models import AccountTask, ApiKey, Session, SignIn, User
from accounts.own_account.exports import ExportTooLarge
from looks import links
from looks.models import LookEmailShare
from operations.account_data import export
from tests.conftest import MakeUser
from tests.fixtures.looks import MakeLook, png
from tests.fixtures.video_jobs import MakeJob
from videos.models import JobInput, VideoJob
from videos.phases import Phase
from videos.webhooks import endpoints

pytestmark = pytest.mark.django_db

ORIGIN = "https://studio.example.com"


@pytest.fixture
def ann(make_user: MakeUser) -> User:
    user = make_user("ann@example.com")
    user.name = "Ann Å."
    user.save(update_fields=["name"])
    return user


def archive_of(user: User) -> zipfile.ZipFile:
    file = io.BytesIO()
    export.write(user=user, file=file, origin=ORIGIN)
    return zipfile.ZipFile(file)


def part(user: User, name: str) -> Any:
    return json.loads(archive_of(user).read(name))


def test_files_and_their_explanation(ann: User) -> None:
    archive = archive_of(ann)

    names = [
        *("README.txt", "account.json", "sign-ins.json", "sessions.json", "api-keys.json"),
        *("webhooks.json", "ledger.json", "ledger.csv", "looks.json", "video-jobs.json"),
    ]
    assert archive.namelist() == names
    assert archive.testzip() is None
    readme = archive.read("README.txt").decode()
    assert all(name in readme for name in names[1:])
    assert str(ann.pk) in readme


def test_account(ann: User) -> None:
    account = part(ann, "account.json")

    assert account.pop("createdAt").startswith(str(timezone.now().year))
    assert account == {
        "id": str(ann.pk),
        "email": "ann@example.com",
        "emailVerifiedAt": None,
        "name": "Ann Å.",
        "googleId": None,
        "lastSignInAt": None,
        "tokens": {"balance": 1000, "unlimited": False},
    }


def test_sign_in_data_is_there_and_no_secret(ann: User) -> None:
    moment = timezone.now()
    SignIn.objects.create(user=ann, channel="api", succeeded=True, client_ip="192.0.2.1", client="curl")
    ApiKey.objects.create(user=ann, name="script", prefix="ais_abcd", digest="f" * 64, scopes=["videos:read"])
    session = {"refresh_id": ann.pk, "refreshed_at": moment, "expires_at": moment, "client": "curl"}
    Session.objects.create(user=ann, **session)

    archive = archive_of(ann)

    assert [one["client"] for one in json.loads(archive.read("sign-ins.json"))] == ["curl"]
    assert [one["client"] for one in json.loads(archive.read("sessions.json"))] == ["curl"]
    (key,) = json.loads(archive.read("api-keys.json"))
    assert (key["name"], key["prefix"], key["scopes"]) == ("script", "ais_abcd", ["videos:read"])
    everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"f" * 64 not in everything
    assert ann.password.encode() not in everything


def test_webhooks_without_their_secrets(ann: User) -> None:
    hook = endpoints.create(
        owner=ann, url="https://hooks.example.com/", kinds=["job.deleted"], origin=ORIGIN, description="our shop"
    )
    endpoints.rotate_secret(endpoint=hook)

    archive = archive_of(ann)

    (one,) = json.loads(archive.read("webhooks.json"))
    assert (one["id"], one["url"], one["description"], one["events"], one["disabledAt"]) == (
        str(hook.pk),
        "https://hooks.example.com/",
        "our shop",
        ["job.deleted"],
        None,
    )
    everything = b"".join(archive.read(name) for name in archive.namelist())
    assert hook.secret.encode() not in everything
    assert hook.previous_secret.encode() not in everything


def test_ledger_as_json_and_as_csv(ann: User) -> None:
    ledger.grant(user=ann, tokens=7, note="=SUM(A1)")

    entries = part(ann, "ledger.json")
    rows = list(csv.DictReader(io.StringIO(archive_of(ann).read("ledger.csv").decode("utf-8-sig"))))

    assert [(entry["kind"], entry["amount"], entry["balanceAfter"]) for entry in entries] == [
        ("signup", 1000, 1000),
        ("grant", 7, 1007),
    ]
    assert [(row["amount"], row["note"]) for row in rows] == [("1000", ""), ("7", "'=SUM(A1)")]


def test_looks_with_products_shares_and_links(ann: User, make_user: MakeUser, make_look: MakeLook, media: Path) -> None:
    reader = make_user("bea@example.com")
    look = make_look(ann, readers=(reader,), image=png())
    LookEmailShare.objects.create(look=look, email="cleo@example.com")
    link = links.create(look_id=look.pk, user=ann)
    make_look(reader, title="Not hers")

    (shown,) = part(ann, "looks.json")

    assert (shown["title"], [product["name"] for product in shown["products"]]) == (
        "Stone Essence",
        ["Linen dress", "Belt"],
    )
    assert shown["generatedImageUrl"] == f"{ORIGIN}/media/{look.image.name}"
    assert [(row["id"], row["revokedAt"]) for row in shown["links"]] == [(str(link.pk), None)]
    assert link.token not in json.dumps(shown)
    assert (shown["sharedWithUserIds"], shown["sharedWithEmails"]) == ([str(reader.pk)], ["cleo@example.com"])


def test_video_jobs_with_settings_outcome_and_links(ann: User, make_job: MakeJob, make_user: MakeUser) -> None:
    made = make_job(ann, phase=Phase.SUCCEEDED)
    failed = make_job(ann, phase=Phase.FAILED)
    JobInput.objects.create(job=failed, role="first_frame", file_name="inputs/a.png", content_type="image/png")
    make_job(make_user("bea@example.com"))

    shown = {job["id"]: job for job in part(ann, "video-jobs.json")}

    assert shown.keys() == {str(made.pk), str(failed.pk)}
    one, other = shown[str(made.pk)], shown[str(failed.pk)]
    assert (one["status"], one["prompt"], one["tokensCharged"]) == ("SUCCEEDED", "A red dress in the wind", 50)
    assert one["cloudinaryUrl"] == f"{ORIGIN}/media/videos/{made.pk}.mp4"
    assert (other["errorCode"], other["pictures"]) == ("generation_failed", [f"{ORIGIN}/media/inputs/a.png"])


def test_it_is_read_in_pages(ann: User, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory grows with a page, not with the account; and every job appears once."""
    monkeypatch.setattr("operations.account_data.work_rows.PAGE", 10)
    first = make_job(ann, phase=Phase.SUCCEEDED)
    _copies(first, 34)

    with CaptureQueriesContext(connection) as context:
        jobs = part(ann, "video-jobs.json")

    pages = [query for query in context.captured_queries if 'FROM "videos_videojob"' in query["sql"]]
    assert (len(jobs), len({job["id"] for job in jobs}), len(pages)) == (35, 35, 4)


@pytest.mark.slow
def test_ten_thousand_jobs_fit_and_renew_the_lease(ann: User, make_job: MakeJob) -> None:
    _copies(make_job(ann, phase=Phase.SUCCEEDED, prompt="A red dress in the wind. " * 40), 9_999)
    task = tasks.add(AccountTask.Kind.EXPORT, user=ann)
    claimed = tasks.claim([AccountTask.Kind.EXPORT])
    assert claimed is not None
    AccountTask.objects.filter(pk=task.pk).update(due_at=Now())

    content = export.run(claimed)

    assert len(content) < 10 * export.MIB
    assert len(json.loads(zipfile.ZipFile(io.BytesIO(content)).read("video-jobs.json"))) == 10_000
    task.refresh_from_db()
    assert task.due_at - timezone.now() > timedelta(minutes=3)


def _copies(job: VideoJob, number: int) -> None:
    columns = {field.attname: getattr(job, field.attname) for field in VideoJob._meta.concrete_fields}
    del columns["id"]
    VideoJob.objects.bulk_create([VideoJob(**columns) for _ in range(number)], batch_size=500)


def test_it_stops_at_its_limit(ann: User) -> None:
    with pytest.raises(ExportTooLarge):
        export.write(user=ann, file=io.BytesIO(), origin="", max_bytes=100)


def test_command_writes_a_private_file(ann: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "ann.zip"

    call_command("export_account", "ANN@example.com", str(path), "--origin", ORIGIN)

    assert json.loads(zipfile.ZipFile(path).read("account.json"))["email"] == "ann@example.com"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert capsys.readouterr().out == f"Wrote {path}.\n"


@pytest.mark.parametrize("user", ["eve@example.com", "0b6f3c1e-6c0a-4d0e-9f67-0f3a3c1d7a52"])
def test_command_refuses_an_unknown_user(db: None, tmp_path: Path, user: str) -> None:
    with pytest.raises(CommandError, match=r"No user has|There is no user"):
        call_command("export_account", user, str(tmp_path / "x.zip"))


def test_command_overwrites_no_file(ann: User, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_text("kept")

    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_account", str(ann.pk), str(tmp_path / "x.zip"))

    assert (tmp_path / "x.zip").read_text() == "kept"
