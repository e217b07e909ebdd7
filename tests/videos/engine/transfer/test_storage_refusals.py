"""A storage that refuses a finished video: retries for two days, and an alert for staff at once."""

from typing import Any

import pytest
from django.test import Client

from studio.models import Disposal
from studio.observability.health import Depth, Health, run_checks
from tests.conftest import MakeUser, SignIn
from tests.fakes.cloudinary import FakeCloudinary
from tests.fakes.google import FakeGoogle
from tests.fixtures.video_jobs import MakeJob
from tests.videos.engine.test_paid_path import PAID, aged, cloudinary, drive, google
from videos import creation
from videos.engine import schedule, transfer_failures
from videos.models import VideoJob
from videos.phases import Phase

__all__ = ["cloudinary", "google"]  # fixtures
pytestmark = [pytest.mark.django_db, pytest.mark.slow]
SIZE = "400 File size too large. Got 12419652. Maximum is 10485760."
OF_FILES = (SIZE, "400 Invalid image file", "400 Unsupported video format or file", "400 Empty file", "413", "415")


@pytest.mark.parametrize("status", ["400", "401", "403", "404", "409", "418", "499", "400 Stale request - reported"])
def test_refusal_is_tried_again_until_it_is_mended(
    google: FakeGoogle, cloudinary: FakeCloudinary, make_user: MakeUser, caplog: pytest.LogCaptureFixture, status: str
) -> None:
    cloudinary.script("upload", status, times=4)
    job = drive(creation.create(owner=make_user(), job_request=PAID), rounds=6)

    while_refused = run_checks(depth=Depth.QUICK)["transfers"]
    phase, refusal = job.phase, job.storage_refusal
    job = drive(job)

    assert (phase, refusal.partition(":")[0], job.phase, job.storage_refusal) == (
        Phase.STORING,
        status[:3],
        Phase.SUCCEEDED,
        "",
    )
    assert while_refused.health == Health.DEGRADED
    assert while_refused.sentence.startswith(
        f"The storage refuses generated videos: 1. The oldest, {job.pk}: {status[:3]}: "
    )
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["transfer.refused"]
    assert run_checks(depth=Depth.QUICK)["transfers"].health == Health.OK
    assert len(google.account.works) == 1


def test_wrong_key_is_a_finding_at_the_first_try_and_on_the_dashboard(
    google: FakeGoogle, cloudinary: FakeCloudinary, make_user: MakeUser, client: Client
) -> None:
    cloudinary.script("upload", "401", times=1000)
    boss = make_user("boss@example.com", staff=True)
    client.force_login(boss)

    job = drive(creation.create(owner=make_user(), job_request=PAID), rounds=3)
    attempts, page = job.attempts, client.get("/admin/").content.decode()
    ended = drive(aged(job), rounds=100)

    assert (attempts, "The storage refuses generated videos: 1." in page) == (1, True)
    assert (ended.phase, ended.error_code) == (Phase.FAILED, "storage_failed")  # the provider has deleted it by then


@pytest.mark.parametrize("words", OF_FILES)
def test_file_that_is_refused_for_itself_ends_at_once_with_a_finding(
    google: FakeGoogle, cloudinary: FakeCloudinary, make_user: MakeUser, words: str
) -> None:
    cloudinary.script("upload", words, times=1000)

    job = drive(creation.create(owner=make_user(), job_request=PAID), rounds=3)

    found = run_checks(depth=Depth.QUICK)["transfers"]
    assert (job.phase, job.error_code, job.slot, job.tokens_refunded) == (Phase.FAILED, "storage_failed", None, 50)
    assert found.sentence.startswith("Generated videos whose jobs failed while storing, in two days: 1. The oldest")


def test_poster_that_is_refused_does_not_cost_the_video(
    google: FakeGoogle,
    cloudinary: FakeCloudinary,
    make_user: MakeUser,
    sign_in: SignIn,
    client: Client,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cloudinary.script("upload", "400 Invalid image file", times=99, skip=1)
    ann = make_user()
    job = drive(creation.create(owner=ann, job_request=PAID), rounds=3)

    assert (job.phase, job.video.name != "", job.poster.name) == (Phase.SUCCEEDED, True, "")
    assert [record.levelname for record in caplog.records if record.message == "poster.store_failed"] == ["WARNING"]
    # a file of an earlier try is removed
    assert list(Disposal.objects.values_list("name", flat=True)) == [f"videos/{job.pk}.jpg"]
    # as it is shown
    api, boss = sign_in(ann), make_user("boss@example.com", staff=True)
    client.force_login(boss)
    shown = [api.get(f"/api/v1/video-jobs/{job.pk}").json(), api.get("/api/v1/video-jobs").json()["items"][0]]
    pages = [client.get(f"/admin/videos/videojob/{path}") for path in ("", f"{job.pk}/change/")]
    assert [(body["status"], body["posterUrl"], bool(body["cloudinaryUrl"])) for body in shown] == [
        ("SUCCEEDED", None, True)
    ] * 2
    assert [(page.status_code, b"studio-poster" in page.content) for page in pages] == [(200, False)] * 2


@pytest.mark.parametrize("fault", ["401", "500"])
def test_poster_that_is_refused_for_long_does_not_cost_the_video_either(
    google: FakeGoogle, cloudinary: FakeCloudinary, make_user: MakeUser, fault: str
) -> None:
    job = drive(creation.create(owner=make_user(), job_request=PAID), rounds=2)
    phases: list[Any] = []
    while job.phase == Phase.STORING:
        cloudinary.script("upload", fault, skip=1)
        phases.append(drive(job, rounds=1).phase)

    assert phases == [*[Phase.STORING] * (schedule.TRANSFER_TRIES - 1), Phase.SUCCEEDED]
    assert job.poster.name == ""


@pytest.mark.parametrize(
    ("exc", "refuses"),
    [
        (PermissionError(13, "Permission denied"), True),
        (OSError(28, "No space left on device"), True),
        (OSError(5, "Input/output error"), False),
        (ValueError("Must supply api_key"), False),
    ],
)
def test_disk_that_refuses_is_a_finding_too(
    make_user: MakeUser, make_job: MakeJob, exc: Exception, refuses: bool
) -> None:
    job = make_job(make_user(), phase=Phase.STORING)

    transfer_failures.retry_or_fail(job, exc)

    job = VideoJob.objects.get(pk=job.pk)
    health: Any = run_checks(depth=Depth.QUICK)["transfers"].health
    assert (job.phase, bool(job.storage_refusal), health == Health.DEGRADED) == (Phase.STORING, refuses, refuses)
