"""A whole import: everything comes over, a second run adds what is new, and the source is only read."""

from typing import Any

import psycopg
import pytest

from accounts.models import TokenAccount, User
from looks.models import Look, LookVideo, Product
from operations.legacy_import.video_jobs import JobMover
from tests.conftest import SignIn
from tests.fakes.cloudinary import FakeCloudinary
from tests.fakes.cloudinary_account import Stored
from tests.operations.legacy_import.imports import CREATED_AT, counts_here, disagreements, lines, move, numbers
from tests.operations.legacy_import.legacy_tables import CREATED, LegacyDatabase
from videos.models import VideoJob

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_moves_everything_and_agrees(legacy: LegacyDatabase, cloud: FakeCloudinary, sign_in: SignIn) -> None:
    ann, bob = legacy.user(" Ann@Example.com", tokens=250), legacy.user("bob@example.com", role="ADMIN")
    legacy.transaction(ann, -50, 250)
    files = f"{cloud.account.delivery}/video/upload/v7/ai_studio/videos"
    picture = f"{cloud.account.delivery}/image/upload/v7/looks/1.png"
    cloud.account.files["video", "ai_studio/videos/1"] = Stored(b"video", 7, "mp4")
    look = legacy.look(ann, visibility="shared", generated_image_url=picture)
    products = [
        legacy.product(look, name="Gown"),
        legacy.product(look, name="Sash", price=95.5, created_at=CREATED.replace(day=3)),
    ]
    legacy.insert("look_shares", look_id=look, user_id=bob, shared_at=CREATED)
    job = legacy.job(ann, cloudinary_url=f"{files}/1.mp4")
    legacy.link(look, job, is_default=True)

    report = move(legacy)

    assert numbers(report) == {
        "users": (2, 2, 0, 0),
        "looks": (1, 1, 0, 0),
        "products": (2, 2, 0, 0),
        "look_shares": (1, 1, 0, 0),
        "video_jobs": (1, 1, 0, 0),
        "look_videos": (1, 1, 0, 0),
    }
    assert (report["lines"], report["admins"], report["withoutPassword"]) == ([], ["bob@example.com"], 2)
    assert report["tokens"] == {
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
        CREATED_AT,
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
    assert b"".join(client.get(f"/api/v1/video-jobs/{job}/download").streaming_content) == b"video"  # type: ignore[attr-defined]
    assert disagreements() == []

    again = move(legacy)

    assert numbers(again) == {
        "users": (2, 0, 2, 0),
        "looks": (1, 0, 1, 0),
        "products": (2, 0, 2, 0),
        "look_shares": (1, 0, 1, 0),
        "video_jobs": (1, 0, 1, 0),
        "look_videos": (1, 0, 1, 0),
    }
    assert counts_here() == [2, 2, 2, 1, 2, 1, 1]


def test_new_rows_come_with_the_next_run(legacy: LegacyDatabase) -> None:
    ann = legacy.user("ann@example.com")
    look = legacy.look(ann)
    legacy.product(look)
    move(legacy)
    bob = legacy.user("bob@example.com")
    legacy.product(look, name="Late sash", created_at=CREATED.replace(day=3))
    legacy.insert("look_shares", look_id=look, user_id=bob)

    report = move(legacy)

    assert {name: made for name, (_, made, _, _) in numbers(report).items()} == {
        "users": 1,
        "looks": 0,
        "products": 1,
        "look_shares": 1,
        "video_jobs": 0,
        "look_videos": 0,
    }
    assert list(Product.objects.order_by("position").values_list("position", "name")) == [(0, "Gown"), (1, "Late sash")]
    assert Look.objects.search("late SASH").count() == 1


def test_dry_run_reports_and_writes_nothing(legacy: LegacyDatabase) -> None:
    ann = legacy.user("ann@example.com")
    legacy.link(legacy.look(ann), legacy.job(ann))

    report = move(legacy, "--dry-run")

    assert report["dryRun"]
    assert [made for _, made, _, _ in numbers(report).values()] == [1, 1, 0, 0, 1, 1]
    assert counts_here() == [0] * 7


def test_crash_leaves_what_a_second_run_completes(legacy: LegacyDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = legacy.user("ann@example.com")
    legacy.link(legacy.look(ann), legacy.job(ann))

    def crash(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(JobMover, "write", crash)
    with pytest.raises(KeyboardInterrupt):
        move(legacy)
    assert (User.objects.count(), VideoJob.objects.count()) == (1, 0)
    monkeypatch.undo()

    report = move(legacy)

    assert [counts[:3] for counts in numbers(report).values()] == [
        (1, 0, 1),
        (1, 0, 1),
        (0, 0, 0),
        (0, 0, 0),
        (1, 1, 0),
        (1, 1, 0),
    ]
    assert TokenAccount.objects.get().entries.count() == 1


def test_row_that_the_database_refuses_does_not_stop_the_others(
    legacy: LegacyDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = legacy.user("ann@example.com")
    bad, good = legacy.job(ann), legacy.job(ann)
    convert = JobMover.convert

    def break_one(mover: JobMover, row: dict[str, Any], changes: list[str]) -> VideoJob:
        job = convert(mover, row, changes)
        if row["id"] == bad:
            job.progress_percentage = 7
        return job

    monkeypatch.setattr(JobMover, "convert", break_one)

    report = move(legacy)

    assert str(VideoJob.objects.get().pk) == good
    assert [(row, outcome) for _, row, outcome, _ in lines(report)] == [(bad, "skipped")]
    assert "full_progress_if_and_only_if_succeeded" in report["lines"][0]["reason"]


def test_table_is_read_in_batches(legacy: LegacyDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.legacy_import.source.BATCH", 2)
    ann = legacy.user("ann@example.com")
    look = legacy.look(ann)
    for number in range(5):
        legacy.product(look, name=f"Piece {number}")
        legacy.link(look, legacy.job(ann), is_default=True)

    report = move(legacy)

    assert [counts["made"] for counts in report["tables"].values()] == [1, 1, 5, 0, 5, 5]
    assert sorted(Product.objects.values_list("position", flat=True)) == [0, 1, 2, 3, 4]
    assert LookVideo.objects.filter(is_default=True).count() == 1


def test_source_is_only_read(legacy: LegacyDatabase) -> None:
    legacy.user("ann@example.com")
    before = snapshot(legacy.url)

    move(legacy)

    assert snapshot(legacy.url) == before


def snapshot(url: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT users, xmin FROM users").fetchall()
