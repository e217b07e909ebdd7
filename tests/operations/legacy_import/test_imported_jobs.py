"""Imported video jobs: their files, their tokens, and the default video of a look."""

import uuid
from typing import Any

import pytest
from django.core.files.storage import default_storage

from accounts.models import LedgerEntry, TokenAccount, User
from looks.models import LookVideo
from studio.media.storage import disposal
from studio.media.storage.base import StorageError
from tests.conftest import SignIn
from tests.fakes.cloudinary import FakeCloudinary
from tests.fakes.cloudinary_account import Stored
from tests.operations.legacy_import.imports import disagreements, lines, move
from tests.operations.legacy_import.legacy_tables import CREATED, LegacyDatabase
from videos import deletion
from videos.models import VideoJob

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_file_of_our_account_goes_with_its_job(legacy: LegacyDatabase, cloud: FakeCloudinary) -> None:
    cloud.account.files["video", "ai_studio/videos/1"] = Stored(b"video", 7, "mp4")
    cloud.account.files["video", "ai_studio/videos/mock"] = Stored(b"video", 7, "mp4")
    ann = legacy.user("ann@example.com")
    url = f"{cloud.account.delivery}/video/upload/v7/ai_studio/videos"
    alone = legacy.job(ann, cloudinary_url=f"{url}/1.mp4")
    shared = [legacy.job(ann, cloudinary_url=f"{url}/mock.mp4") for _ in range(2)]
    move(legacy)

    for job in (alone, shared[0]):
        deletion.delete(job_id=uuid.UUID(job))
    disposal.sweep()

    assert list(cloud.account.files) == [("video", "ai_studio/videos/mock")]
    assert VideoJob.objects.get().video.url == f"{url}/mock.mp4"
    assert disagreements() == []


def test_files_of_another_account_are_shown_and_left_alone(
    legacy: LegacyDatabase, sign_in: SignIn, settings: Any
) -> None:
    ann = legacy.user("ann@example.com")
    with FakeCloudinary(cloud="other") as other:
        settings.EXTERNAL_FILE_HOSTS = [other.url]
        other.account.files["video", "1"] = Stored(b"video", 7, "mp4")
        url = f"{other.account.delivery}/video/upload/v7/1.mp4"
        job = legacy.job(ann, cloudinary_url=url)
        gone = legacy.job(ann, cloudinary_url=f"{other.account.delivery}/video/upload/v7/gone.mp4")
        move(legacy)
        client = sign_in(User.objects.get())

        assert client.get(f"/api/v1/video-jobs/{job}").json()["cloudinaryUrl"] == url
        part = client.get(f"/api/v1/video-jobs/{job}/download", HTTP_RANGE="bytes=1-2")
        assert (part.status_code, b"".join(part.streaming_content)) == (206, b"id")  # type: ignore[attr-defined]
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


def test_unfinished_jobs_fail_and_are_refunded(legacy: LegacyDatabase, settings: Any) -> None:
    settings.REFUND_POLICY = "unstarted"
    ann = legacy.user("ann@example.com", tokens=10)
    rich = legacy.user("rich@example.com", tokens=None)
    legacy.subscription(rich, 0, tier="ultimate")
    usual = {"cloudinary_url": None, "completed_at": None, "progress_percentage": 100}
    running = legacy.job(ann, status="RUNNING", **usual)
    failed = legacy.job(ann, status="FAILED", error_message="Veo says: quota", **usual)
    cancelled = legacy.job(ann, status="CANCELLED", **usual)
    lost = legacy.job(ann, status="SUCCEEDED", **usual)
    free = legacy.job(rich, status="PENDING", **usual)

    report = move(legacy)

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
    assert report["tokens"]["refunded"] == 50
    assert sorted((row, outcome) for _, row, outcome, _ in lines(report)) == sorted(
        [(running, "changed"), (lost, "changed"), (free, "changed")]
    )
    assert disagreements() == []

    legacy.run(f"UPDATE video_jobs SET status = 'SUCCEEDED', cloudinary_url = 'https://x' WHERE id = '{running}'")
    legacy.run(f"UPDATE user_subscriptions SET available_tokens = 7 WHERE user_id = '{ann}'")
    assert sorted((table, outcome) for table, _, outcome, _ in lines(move(legacy))) == [
        ("users", "differs"),
        ("video_jobs", "differs"),
    ]
    assert TokenAccount.objects.get(user=ann).balance == 60


def test_newest_of_two_defaults_stays(legacy: LegacyDatabase) -> None:
    ann = legacy.user("ann@example.com")
    look, old, new = legacy.look(ann), legacy.job(ann), legacy.job(ann)
    legacy.link(look, old, is_default=True)
    legacy.link(look, new, is_default=True, created_at=CREATED.replace(day=3))

    report = move(legacy)

    assert {str(link.video_id): link.is_default for link in LookVideo.objects.all()} == {old: False, new: True}
    assert lines(report) == [
        (
            "look_videos",
            f"look {look}, video {old}",
            "changed",
            "The look has a newer default, so this video is not the default any more.",
        )
    ]
