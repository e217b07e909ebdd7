"""The transfer step: retries, lost leases, and the files that it keeps or removes."""

import os
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from studio.media.storage import disposal
from studio.models import Disposal
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob, facts, make_due
from videos import deletion
from videos.engine import schedule, transfer
from videos.media import mp4
from videos.models import VideoJob, new_lease
from videos.phases import Phase

MADE = transfer.Video(
    Path("video.mp4"),
    mp4.VideoFacts(
        width=1280,
        height=720,
        duration_seconds=4,
        fps=24,
        codec="h264",
        has_audio=False,
        has_provenance=False,
        size_bytes=1,
    ),
    lost_provenance=False,
)


@pytest.mark.slow
def test_broken_download_is_tried_again(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.STORING, prompt="[mock:flaky]")

    transfer.transfer(job_id=str(job.pk))
    assert facts(job)[0] == "storing"
    transfer.transfer(job_id=str(job.pk))  # still backing off
    assert VideoJob.objects.get().attempts == 1
    make_due(job)
    transfer.transfer(job_id=str(job.pk))

    assert facts(job) == ("succeeded", None, "", 100)


def test_transfer_gives_up_when_the_file_is_gone_there(
    make_user: MakeUser, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "TRANSFER_TRIES", 1)
    ann = make_user()
    job = make_job(ann, phase=Phase.STORING, prompt="[mock:flaky]", generated_at="2020-01-01T00:00:00Z")

    transfer.transfer(job_id=str(job.pk))

    assert facts(job)[:3] == ("failed", None, "result_expired")


def test_job_deleted_during_its_upload_leaves_no_file(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.STORING)
    stale = VideoJob.objects.get(pk=job.pk)
    names = {"video": f"videos/{job.pk}.mp4", "poster": f"videos/{job.pk}.jpg"}
    transfer._register(stale, names)
    deletion.delete(job_id=job.pk)
    for name in names.values():
        default_storage.save(name, ContentFile(b"x"))

    transfer._succeed(stale, names, **names, made=MADE, digest="ab")
    disposal.sweep()

    assert not any(default_storage.exists(name) for name in names.values())
    assert not Disposal.objects.exists()


@pytest.mark.slow
@pytest.mark.parametrize("change", ["deleted", "taken over", "stored by another"])
def test_transfer_that_lost_its_lease_leaves_everything_as_it_is(
    make_user: MakeUser, make_job: MakeJob, change: str
) -> None:
    job = make_job(make_user(), phase=Phase.STORING, duration_seconds=1)
    stale = VideoJob.objects.get(pk=job.pk)
    names = {"video": f"videos/{job.pk}.mp4", "poster": f"videos/{job.pk}.jpg"}
    if change == "deleted":
        deletion.delete(job_id=job.pk)
    elif change == "taken over":
        VideoJob.objects.filter(pk=job.pk).update(lease=new_lease())
    else:
        transfer._succeed(job, names, **names, made=MADE, digest="ab")

    with transfer._work_folder() as folder, pytest.raises(transfer.LeaseLost):
        transfer._deliver(stale, folder)

    expected = {"deleted": [], "taken over": ["storing"], "stored by another": ["succeeded"]}[change]
    assert list(VideoJob.objects.values_list("phase", flat=True)) == expected
    assert not Disposal.objects.exists()


def test_leftovers_of_a_killed_transfer_are_removed(settings: Any, db: None) -> None:
    old = settings.WORK_DIR / "abandoned"
    old.mkdir(parents=True)
    (old / "video.mp4").write_bytes(b"x")

    os.utime(old, (1, 1))

    with transfer._work_folder() as folder:
        assert [entry.name for entry in settings.WORK_DIR.iterdir()] == [folder.name]

    assert list(settings.WORK_DIR.iterdir()) == []


def test_files_of_an_earlier_try_outlast_the_next(settings: Any) -> None:
    longest_try = settings.RQ_QUEUES["media"]["DEFAULT_TIMEOUT"]

    assert schedule.TRANSFER_BACKOFF[-1] + longest_try < disposal.ADOPTION_SECONDS
