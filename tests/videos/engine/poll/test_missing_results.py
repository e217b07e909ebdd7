"""Missing results have their own count: one after a long outage must not end a job."""

import pytest

from tests.conftest import MakeUser
from tests.fakes.cloudinary import FakeCloudinary
from tests.fakes.google import FakeGoogle
from tests.fixtures.video_jobs import MakeJob
from tests.videos.engine.test_paid_path import PAID, cloudinary, drive, google
from videos import creation
from videos.engine import inputs, poll
from videos.models import VideoJob
from videos.phases import Phase
from videos.providers.base import Progress, Unreachable
from videos.providers.google_download import MISSING_TRIES

__all__ = ["cloudinary", "google"]  # fixtures
pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_file_that_is_missing_once_after_refusals_of_the_storage(
    google: FakeGoogle, cloudinary: FakeCloudinary, make_user: MakeUser
) -> None:
    cloudinary.script("upload", "401", times=MISSING_TRIES + 3)
    job = drive(creation.create(owner=make_user(), job_request=PAID), rounds=MISSING_TRIES + 4)
    refused = job.phase, job.attempts > MISSING_TRIES, job.missing_tries

    google.script("download", "404")
    job = drive(job)

    assert refused == (Phase.STORING, True, 0)
    assert (job.phase, job.error_code, job.missing_tries) == (Phase.SUCCEEDED, "", 0)


def test_file_that_stays_missing_is_gone(google: FakeGoogle, cloudinary: FakeCloudinary, make_user: MakeUser) -> None:
    google.script("download", "404", times=100)

    job = drive(creation.create(owner=make_user(), job_request=PAID), rounds=30)

    assert (job.phase, job.error_code) == (Phase.FAILED, "result_expired")


def test_polls_count_missing_results_separately(make_user: MakeUser, make_job: MakeJob) -> None:
    make_job(make_user(), phase=Phase.GENERATING)

    def after(seen: Unreachable | Progress) -> tuple[int, int]:
        poll.apply_poll_result(job=VideoJob.objects.get(), result=seen)
        row = VideoJob.objects.get()
        assert inputs.spec_of(row).missing == row.missing_tries
        return row.attempts, row.missing_tries

    counts = [after(Unreachable("away")), after(Unreachable("404", is_missing=True)), after(Unreachable("away"))]

    assert (counts, after(Progress())) == ([(1, 0), (2, 1), (3, 1)], (0, 0))
