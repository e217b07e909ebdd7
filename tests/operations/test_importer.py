"""The move from the previous system: what comes over, what does not, and that it says so."""

import contextlib
import io
import json
import uuid
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import bcrypt
import psycopg
import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from rest_framework.test import APIClient

from accounts.models import LedgerEntry, TokenAccount, User
from looks.models import Look, LookShare, LookVideo, Product
from operations.importer.video_jobs import JobMover
from operations.reconciliation.comparison import reconcile
from studio.media.storage import disposal
from studio.media.storage.base import StorageError
from tests.conftest import MakeUser, SignIn
from tests.fakes.cloudinary import FakeCloudinary
from tests.fakes.cloudinary_books import Stored
from tests.operations.legacy_tables import CLOUD, CREATED, TABLES, Incumbent, new_database, server_url
from videos import deletion
from videos.api import representation
from videos.models import VideoJob

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
PASSWORD = "correct horse battery"
TABLE_NAMES = "users, looks, video_jobs, user_subscriptions, token_transactions, links"
NAIVE = CREATED.replace(tzinfo=UTC)


@pytest.fixture(scope="module")
def incumbent_url() -> str:
    return new_database(server_url())


@pytest.fixture
def incumbent(incumbent_url: str) -> Iterator[Incumbent]:
    database = Incumbent(incumbent_url)
    yield database
    database.run("DROP SCHEMA public CASCADE")
    database.run("CREATE SCHEMA public")
    database.run(TABLES)
    database.close()


@pytest.fixture
def cloud(settings: Any) -> Iterator[FakeCloudinary]:
    """Our Cloudinary, and the previous system's: the same account."""
    with FakeCloudinary() as fake:
        account = {"cloud_name": fake.account.cloud, "api_key": fake.account.key, "api_secret": fake.account.secret}
        backend = {
            "BACKEND": "studio.media.storage.cloudinary.CloudinaryStorage",
            "OPTIONS": {**account, "upload_prefix": fake.url, "secure_distribution": fake.url, "folder": "ai-studio"},
        }
        settings.STORAGES = settings.STORAGES | {"default": backend}
        settings.EXTERNAL_FILE_HOSTS = ["res.cloudinary.com", fake.url]
        representation.JOB.__dict__.pop("_files", None)  # it has kept the storage that it was first used with
        yield fake
        representation.JOB.__dict__.pop("_files", None)


def move(incumbent: Incumbent, *options: str) -> dict[str, Any]:
    out = io.StringIO()
    with contextlib.suppress(SystemExit):  # status 1 where rows are left out
        call_command("import_incumbent", "--source", incumbent.url, "--json", *options, stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def numbers(answer: dict[str, Any]) -> dict[str, tuple[int, int, int, int]]:
    return {
        name: (counts["read"], counts["made"], counts["there"], counts["skipped"])
        for name, counts in answer["tables"].items()
    }


def lines(answer: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [(line["table"], line["row"], line["outcome"], line["reason"]) for line in answer["lines"]]


def disagreements() -> list[str]:
    """What `reconcile` finds, but for files that other tests have left in the folder."""
    return [mismatch.sentence for mismatch in reconcile(fix=False) if mismatch.kind != "stray file"]


def counts_here() -> list[int]:
    return [model.objects.count() for model in (User, TokenAccount, LedgerEntry, Look, Product, LookShare, VideoJob)]


def test_moves_everything_and_agrees(incumbent: Incumbent, cloud: FakeCloudinary, sign_in: SignIn) -> None:
    ann, bob = incumbent.user(" Ann@Example.com", tokens=250), incumbent.user("bob@example.com", role="ADMIN")
    incumbent.transaction(ann, -50, 250)
    files = f"{cloud.account.delivery}/video/upload/v7/ai_studio/videos"
    picture = f"{cloud.account.delivery}/image/upload/v7/looks/1.png"
    cloud.account.files["video", "ai_studio/videos/1"] = Stored(b"film", 7, "mp4")
    look = incumbent.look(ann, visibility="shared", generated_image_url=picture)
    products = [
        incumbent.product(look, name="Gown"),
        incumbent.product(look, name="Sash", price=95.5, created_at=CREATED.replace(day=3)),
    ]
    incumbent.insert("look_shares", look_id=look, user_id=bob, shared_at=CREATED)
    job = incumbent.job(ann, cloudinary_url=f"{files}/1.mp4")
    incumbent.link(look, job, is_default=True)

    answer = move(incumbent)

    assert numbers(answer) == {
        "users": (2, 2, 0, 0),
        "looks": (1, 1, 0, 0),
        "products": (2, 2, 0, 0),
        "look_shares": (1, 1, 0, 0),
        "video_jobs": (1, 1, 0, 0),
        "look_videos": (1, 1, 0, 0),
    }
    assert (answer["lines"], answer["admins"], answer["withoutPassword"]) == ([], ["bob@example.com"], 2)
    assert answer["tokens"] == {
        "opened": 350,
        "transactions": 1,
        "transactions_sum": -50,
        "balances_of_nobody": 0,
    }
    person = User.objects.get(pk=ann)
    assert (person.email, person.is_staff, person.is_active, person.created_at) == (
        "ann@example.com",
        False,
        True,
        NAIVE,
    )
    client = sign_in(person)
    assert client.get("/api/v1/tokens").json()["balance"] == 250
    shown = client.get(f"/api/v1/video-jobs/{job}").json()
    assert {name: shown[name] for name in ("status", "model", "resolution", "durationSeconds", "createdAt")} == {
        "status": "SUCCEEDED",
        "model": "models/gemini-2.0-flash-001",
        "resolution": "1280x720",
        "durationSeconds": 5,
        "createdAt": "2025-11-02T10:30:00.000Z",
    }
    assert shown["cloudinaryUrl"] == f"{files}/1.mp4"
    assert shown["posterUrl"] == f"{cloud.account.delivery}/video/upload/so_auto/v7/ai_studio/videos/1.jpg"
    assert shown["associatedLooks"] == [
        {
            "id": look,
            "title": "Stone Essence",
            "generatedImageUrl": picture,
            "thumbnailUrl": picture,
            "isDefault": True,
        }
    ]
    of_look = client.get(f"/api/v1/looks/{look}").json()
    assert [(product["id"], product["name"], product["price"]) for product in of_look["products"]] == [
        (products[0], "Gown", "120.00"),
        (products[1], "Sash", "95.50"),
    ]
    assert of_look["sharedWith"] == [{"id": bob, "email": "bob@example.com"}]
    assert client.get("/api/v1/looks?search=sash").json()["total"] == 1
    assert b"".join(client.get(f"/api/v1/video-jobs/{job}/download").streaming_content) == b"film"  # type: ignore[attr-defined]
    assert disagreements() == []

    again = move(incumbent)

    assert numbers(again) == {
        "users": (2, 0, 2, 0),
        "looks": (1, 0, 1, 0),
        "products": (2, 0, 2, 0),
        "look_shares": (1, 0, 1, 0),
        "video_jobs": (1, 0, 1, 0),
        "look_videos": (1, 0, 1, 0),
    }
    assert counts_here() == [2, 2, 2, 1, 2, 1, 1]


def test_file_of_our_account_goes_with_its_job(incumbent: Incumbent, cloud: FakeCloudinary) -> None:
    cloud.account.files["video", "ai_studio/videos/1"] = Stored(b"film", 7, "mp4")
    cloud.account.files["video", "ai_studio/videos/mock"] = Stored(b"film", 7, "mp4")
    ann = incumbent.user("ann@example.com")
    url = f"{cloud.account.delivery}/video/upload/v7/ai_studio/videos"
    alone = incumbent.job(ann, cloudinary_url=f"{url}/1.mp4")
    shared = [incumbent.job(ann, cloudinary_url=f"{url}/mock.mp4") for _ in range(2)]
    move(incumbent)

    for job in (alone, shared[0]):
        deletion.delete(job_id=uuid.UUID(job))
    disposal.sweep()

    assert list(cloud.account.files) == [("video", "ai_studio/videos/mock")]
    assert VideoJob.objects.get().video.url == f"{url}/mock.mp4"
    assert disagreements() == []


def test_files_of_another_account_are_shown_and_left_alone(
    incumbent: Incumbent, sign_in: SignIn, settings: Any
) -> None:
    ann = incumbent.user("ann@example.com")
    with FakeCloudinary(cloud="other") as other:
        settings.EXTERNAL_FILE_HOSTS = [other.url]
        other.account.files["video", "1"] = Stored(b"film", 7, "mp4")
        url = f"{other.account.delivery}/video/upload/v7/1.mp4"
        job = incumbent.job(ann, cloudinary_url=url)
        gone = incumbent.job(ann, cloudinary_url=f"{other.account.delivery}/video/upload/v7/gone.mp4")
        move(incumbent)
        client = sign_in(User.objects.get())

        assert client.get(f"/api/v1/video-jobs/{job}").json()["cloudinaryUrl"] == url
        part = client.get(f"/api/v1/video-jobs/{job}/download", HTTP_RANGE="bytes=1-2")
        assert (part.status_code, b"".join(part.streaming_content)) == (206, b"il")  # type: ignore[attr-defined]
        assert client.get(f"/api/v1/video-jobs/{job}/download?redirect=true").url == url  # type: ignore[attr-defined]
        assert disagreements() == [
            f"Job {gone} succeeded, but its video elsewhere:{other.account.delivery}/video/upload/v7/gone.mp4 is gone."
        ]
        assert client.delete(f"/api/v1/video-jobs/{job}").status_code == 204
        assert disposal.sweep() == 1
        assert ("video", "1") in other.account.files

        settings.EXTERNAL_FILE_HOSTS = ["res.cloudinary.com"]
        with pytest.raises(StorageError, match="EXTERNAL_FILE_HOSTS"):
            default_storage.size(f"elsewhere:{url}")
        assert client.get(f"/media/elsewhere:{url}").status_code == 404


def test_bcrypt_passwords_sign_in_and_become_ours(incumbent: Incumbent, settings: Any, anonymous: APIClient) -> None:
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher",
        "accounts.sign_in.hashers.MovedBcryptHasher",
    ]
    long = "x" * 100
    for email, password, prefix in (("ann@x.com", PASSWORD, "2b"), ("bob@x.com", long, "2y")):
        hashed = bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode()
        incumbent.user(email, hashed_password=hashed.replace("$2b$", f"${prefix}$"))
    incumbent.user("eve@x.com", hashed_password="plain")

    answer = move(incumbent)

    assert [(line[2], line[3]) for line in lines(answer)] == [
        ("changed", "The password is not kept in bcrypt, and is gone.")
    ]
    assert answer["withoutPassword"] == 1
    assert User.objects.get(email="ann@x.com").password.startswith("bcrypt$$2b$04$")
    for email, password, status in (
        ("ann@x.com", PASSWORD, 200),
        ("ann@x.com", "wrong", 401),
        ("bob@x.com", long, 200),
        ("eve@x.com", "plain", 401),
    ):
        answered = anonymous.post("/api/v1/auth/token", {"email": email, "password": password})
        assert answered.status_code == status
    assert User.objects.get(email="ann@x.com").password.startswith("md5$")
    assert anonymous.post("/api/v1/auth/token", {"email": "ann@x.com", "password": PASSWORD}).status_code == 200


def test_unfinished_jobs_fail_and_are_given_back(incumbent: Incumbent, settings: Any) -> None:
    settings.REFUND_POLICY = "unstarted"
    ann = incumbent.user("ann@example.com", tokens=10)
    rich = incumbent.user("rich@example.com", tokens=None)
    incumbent.subscription(rich, 0, tier="ultimate")
    usual = {"cloudinary_url": None, "completed_at": None, "progress_percentage": 100}
    running = incumbent.job(ann, status="RUNNING", **usual)
    failed = incumbent.job(ann, status="FAILED", error_message="Veo says: quota", **usual)
    cancelled = incumbent.job(ann, status="CANCELLED", **usual)
    lost = incumbent.job(ann, status="SUCCEEDED", **usual)
    free = incumbent.job(rich, status="PENDING", **usual)

    answer = move(incumbent)

    jobs = {str(job.pk): job for job in VideoJob.objects.all()}
    assert {job_id: (job.status, job.error_code, job.progress_percentage) for job_id, job in jobs.items()} == {
        running: ("FAILED", "unfinished_at_move", 99),
        failed: ("FAILED", "generation_failed", 99),
        cancelled: ("FAILED", "cancelled_before_move", 99),
        lost: ("FAILED", "lost_before_move", 99),
        free: ("FAILED", "unfinished_at_move", 99),
    }
    assert (jobs[failed].provider_reply, "quota" in jobs[failed].error_message) == ("Veo says: quota", False)
    entries = LedgerEntry.objects.filter(account__user=ann).order_by("created_at", "balance_after")
    assert [(entry.kind, entry.amount, entry.balance_after) for entry in entries] == [
        ("opening", 10, 10),
        ("refund", 50, 60),
    ]
    account = TokenAccount.objects.get(user=rich)
    assert (account.balance, account.unlimited, account.entries.get().kind) == (0, True, "opening")
    assert answer["tokens"]["refunded"] == 50
    assert sorted((row, outcome) for _, row, outcome, _ in lines(answer)) == sorted(
        [(running, "changed"), (lost, "changed"), (free, "changed")]
    )
    assert disagreements() == []

    incumbent.run(f"UPDATE video_jobs SET status = 'SUCCEEDED', cloudinary_url = 'https://x' WHERE id = '{running}'")
    incumbent.run(f"UPDATE user_subscriptions SET available_tokens = 7 WHERE user_id = '{ann}'")
    assert sorted((table, outcome) for table, _, outcome, _ in lines(move(incumbent))) == [
        ("users", "differs"),
        ("video_jobs", "differs"),
    ]
    assert TokenAccount.objects.get(user=ann).balance == 60


def test_what_does_not_fit_is_named(incumbent: Incumbent, make_user: MakeUser, tmp_path: Path) -> None:
    here = make_user("Taken@example.com")
    taken = incumbent.user("TAKEN@example.com")
    first, second = sorted(str(uuid.uuid4()) for _ in range(2))
    incumbent.user("ann@example.com", id=first, status="SUSPENDED")
    incumbent.user("Ann@Example.com", id=second, tokens=None)
    poor = incumbent.user("poor@example.com", tokens=-5)
    new = incumbent.user("new@example.com", tokens=None)
    nobody = incumbent.user("no address", tokens=None)
    incumbent.transaction(first, -50, 40)
    orphan, of_taken = incumbent.look(None), incumbent.look(taken)
    bare = incumbent.look(first, title=None, visibility="friends", generated_image_url="/images/looks/1.png", notes="a")
    odd = incumbent.product(bare, name="n" * 300, price=-1, product_url="javascript:alert(1)")
    stray = incumbent.job(first, cloudinary_url="https://evil.example.com/film.mp4")
    strange = incumbent.job(first, status="ARCHIVED")
    unnamed = incumbent.job(first, id="17")
    silent = incumbent.job(first, duration_seconds=None)
    report = tmp_path / "report.jsonl"

    answer = move(incumbent, "--report", str(report))

    already = "already; case makes no difference here."
    assert {line[1:] for line in lines(answer)} == {
        (taken, "skipped", f"The address taken@example.com belongs to user {here.pk} {already}"),
        (second, "skipped", f"The address ann@example.com belongs to user {first} {already}"),
        (nobody, "skipped", "'no address' is no e-mail address."),
        (poor, "changed", "The balance -5 becomes 0."),
        (new, "changed", "It has no balance there; it starts as a new account, with 100."),
        (orphan, "skipped", "It has no owner."),
        (of_taken, "skipped", f"Its owner {taken} is not here."),
        (
            bare,
            "changed",
            "The visibility 'friends' becomes private. The picture is left out. Its file is at '/images/looks/1.png': "
            "not https, or on a host that EXTERNAL_FILE_HOSTS does not name.",
        ),
        (
            odd,
            "changed",
            "The product's URL is not http, or too long, and is left out. The name is cut to 200 characters. "
            "The price -1.0 is left out.",
        ),
        (
            stray,
            "skipped",
            "Its file is at 'https://evil.example.com/film.mp4': not https, or on a host that EXTERNAL_FILE_HOSTS does "
            "not name.",
        ),
        (strange, "skipped", "The status 'ARCHIVED' is not known."),
        (unnamed, "skipped", "The id '17' is no UUID."),
        (silent, "changed", "It does not say how long it is; shown as 8 s."),
        (f"user {first}", "differs", "The last transaction left 40 tokens, the balance was 100; it counts."),
    }
    assert [json.loads(line) for line in report.read_text().splitlines()] == answer["lines"]
    assert (Look.objects.get().title, User.objects.get(pk=first).is_active) == ("Untitled", False)
    assert answer["unmoved"]["tables"] == {"links": 0}
    assert "users.google_id" in answer["unmoved"]["columns"]


def test_newest_of_two_defaults_stays(incumbent: Incumbent) -> None:
    ann = incumbent.user("ann@example.com")
    look, old, new = incumbent.look(ann), incumbent.job(ann), incumbent.job(ann)
    incumbent.link(look, old, is_default=True)
    incumbent.link(look, new, is_default=True, created_at=CREATED.replace(day=3))

    answer = move(incumbent)

    assert {str(link.video_id): link.is_default for link in LookVideo.objects.all()} == {old: False, new: True}
    assert lines(answer) == [
        (
            "look_videos",
            f"look {look}, video {old}",
            "changed",
            "The look has a newer default; this one is none any more.",
        )
    ]


def test_new_rows_come_with_the_next_run(incumbent: Incumbent) -> None:
    ann = incumbent.user("ann@example.com")
    look = incumbent.look(ann)
    incumbent.product(look)
    move(incumbent)
    bob = incumbent.user("bob@example.com")
    incumbent.product(look, name="Late sash", created_at=CREATED.replace(day=3))
    incumbent.insert("look_shares", look_id=look, user_id=bob)

    answer = move(incumbent)

    assert {name: made for name, (_, made, _, _) in numbers(answer).items()} == {
        "users": 1,
        "looks": 0,
        "products": 1,
        "look_shares": 1,
        "video_jobs": 0,
        "look_videos": 0,
    }
    assert list(Product.objects.order_by("position").values_list("position", "name")) == [(0, "Gown"), (1, "Late sash")]
    assert Look.objects.search("late SASH").count() == 1


def test_dry_run_tells_and_writes_nothing(incumbent: Incumbent) -> None:
    ann = incumbent.user("ann@example.com")
    incumbent.link(incumbent.look(ann), incumbent.job(ann))

    answer = move(incumbent, "--dry-run")

    assert answer["dryRun"]
    assert [made for _, made, _, _ in numbers(answer).values()] == [1, 1, 0, 0, 1, 1]
    assert counts_here() == [0] * 7


def test_crash_leaves_what_a_second_run_completes(incumbent: Incumbent, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = incumbent.user("ann@example.com")
    incumbent.link(incumbent.look(ann), incumbent.job(ann))

    def crash(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(JobMover, "write", crash)
    with pytest.raises(KeyboardInterrupt):
        move(incumbent)
    assert (User.objects.count(), VideoJob.objects.count()) == (1, 0)
    monkeypatch.undo()

    answer = move(incumbent)

    assert [counts[:3] for counts in numbers(answer).values()] == [
        (1, 0, 1),
        (1, 0, 1),
        (0, 0, 0),
        (0, 0, 0),
        (1, 1, 0),
        (1, 1, 0),
    ]
    assert TokenAccount.objects.get().entries.count() == 1


def test_row_that_the_database_refuses_does_not_hold_up_the_others(
    incumbent: Incumbent, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = incumbent.user("ann@example.com")
    bad, good = incumbent.job(ann), incumbent.job(ann)
    convert = JobMover.convert

    def break_one(mover: JobMover, row: dict[str, Any], changes: list[str]) -> VideoJob:
        job = convert(mover, row, changes)
        if row["id"] == bad:
            job.progress_percentage = 7
        return job

    monkeypatch.setattr(JobMover, "convert", break_one)

    answer = move(incumbent)

    assert str(VideoJob.objects.get().pk) == good
    assert [(row, outcome) for _, row, outcome, _ in lines(answer)] == [(bad, "skipped")]
    assert "full_progress_if_and_only_if_succeeded" in answer["lines"][0]["reason"]


def test_table_is_read_in_batches(incumbent: Incumbent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.importer.source.BATCH", 2)
    ann = incumbent.user("ann@example.com")
    look = incumbent.look(ann)
    for number in range(5):
        incumbent.product(look, name=f"Piece {number}")
        incumbent.link(look, incumbent.job(ann), is_default=True)

    answer = move(incumbent)

    assert [counts["made"] for counts in answer["tables"].values()] == [1, 1, 5, 0, 5, 5]
    assert sorted(Product.objects.values_list("position", flat=True)) == [0, 1, 2, 3, 4]
    assert LookVideo.objects.filter(is_default=True).count() == 1


def test_older_version_without_later_tables_is_moved(incumbent: Incumbent) -> None:
    incumbent.run("DROP TABLE look_videos, look_shares, token_transactions")
    incumbent.run("ALTER TABLE looks DROP COLUMN visibility")
    incumbent.run("ALTER TABLE video_jobs RENAME COLUMN cloudinary_url TO video_url")
    ann = incumbent.user("ann@example.com")
    look_id = str(uuid.uuid4())
    incumbent.insert("looks", id=look_id, user_id=ann, generated_image_url=f"{CLOUD}image/upload/v1/x.png")

    answer = move(incumbent)

    assert answer["unmoved"]["absent"] == [
        "column users.is_admin",
        "column users.is_active",
        "table token_transactions",
        "column looks.visibility",
        "column products.currency",
        "table look_shares",
        "table look_videos",
    ]
    assert (str(Look.objects.get().pk), Look.objects.get().visibility) == (look_id, "private")


def test_source_of_another_shape_is_refused_by_name(incumbent: Incumbent) -> None:
    incumbent.run("ALTER TABLE users DROP COLUMN email")
    incumbent.run("DROP TABLE user_subscriptions")

    with pytest.raises(CommandError) as refused:
        move(incumbent)

    assert str(refused.value) == (
        "The source lacks what cannot be done without: column users.email, table user_subscriptions."
    )


def test_source_is_only_read(incumbent: Incumbent) -> None:
    incumbent.user("ann@example.com")
    before = snapshot(incumbent.url)

    move(incumbent)

    assert snapshot(incumbent.url) == before


def snapshot(url: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT users, xmin FROM users").fetchall()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://localhost/old", "--source should look like postgresql://"),
        ("postgresql+asyncpg://localhost:1/old", "The source cannot be reached: "),
    ],
)
def test_source_that_is_none_is_refused(url: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("import_incumbent", "--source", url)


def test_report_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--report should be a file"):
        call_command("import_incumbent", "--source", "x", "--report", str(tmp_path))


def test_person_reads_what_happened(incumbent: Incumbent) -> None:
    for number in range(25):
        incumbent.user(f"{number}@example.com", tokens=None, role="ADMIN" if number == 0 else "USER")
    out = io.StringIO()

    call_command("import_incumbent", "--source", incumbent.url, stdout=out)

    said = out.getvalue().splitlines()
    assert said[0].split() == ["read", "made", "there", "skipped", "changed", "differs"]
    assert said[1].split() == ["users", "25", "25", "0", "0", "25", "0"]
    assert "Tables that are not moved: links (0 rows)." in said
    assert "Admins here now: 0@example.com." in said
    assert said[-2:] == ["... 25 in all, with --report FILE.", "25 rows were made."]
    out = io.StringIO()
    call_command("import_incumbent", "--source", incumbent.url, "--dry-run", stdout=out)
    assert out.getvalue().splitlines()[-1] == "A dry run: nothing was written; 0 rows would be made."


def test_account_opens_once(make_user: MakeUser) -> None:
    account = make_user().token_account
    LedgerEntry.objects.create(account=account, kind="opening", amount=1, balance_after=1)

    with pytest.raises(IntegrityError):
        LedgerEntry.objects.create(account=account, kind="opening", amount=1, balance_after=2)
