"""How long a job will take: the median of the last hundred successes of its provider and model."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from operations import housekeeping
from studio.models import TaskState
from tests.conftest import MakeUser, SignIn
from tests.fixtures.video_jobs import ORDER, MakeJob
from videos import creation
from videos.engine import expectations
from videos.models import VideoJob, from_now
from videos.phases import Phase

pytestmark = pytest.mark.django_db
URL = "/api/v1/video-jobs"


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    expectations.forget()
    yield
    expectations.forget()


def finished(owner: User, *seconds: float, phase: Phase = Phase.SUCCEEDED, **fields: Any) -> None:
    """Jobs that took so long, the last one being the newest."""
    values = {"provider": "mock", "model": ORDER.model, "duration_seconds": 4, "phase": phase} | fields
    if phase == Phase.SUCCEEDED:
        values |= {"progress_percentage": 100, "video": "x.mp4", "operation": "x"}
    else:
        values |= {"error_code": "content_filtered"}
    jobs = VideoJob.objects.bulk_create(VideoJob(owner=owner, completed_at=timezone.now(), **values) for _ in seconds)
    for number, (job, took) in enumerate(zip(jobs, seconds, strict=True)):
        created_at = timezone.now() - timedelta(days=1) + timedelta(seconds=number)
        VideoJob.objects.filter(pk=job.pk).update(
            created_at=created_at, completed_at=created_at + timedelta(seconds=took)
        )


def medians() -> Any:
    TaskState.objects.filter(name=expectations.NAME).update(due_at=from_now(-1))
    expectations.refresh()
    expectations.forget()
    return TaskState.objects.get(name=expectations.NAME).state


def test_median_is_of_the_last_hundred_successes(make_user: MakeUser) -> None:
    ann = make_user()
    finished(ann, *[5000] * 50, *[30] * 40, *[50] * 60)
    finished(ann, *[1] * 200, phase=Phase.FAILED)
    finished(ann, 200.4, provider="google_omni")
    finished(ann, 7, 9, model="another")

    assert medians() == {"mock": {ORDER.model: 50, "another": 8}, "google_omni": {ORDER.model: 200}}


def test_estimate_counts_from_the_last_change(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    finished(ann, 60)
    medians()
    job = creation.create(owner=ann, job_request=ORDER)
    client = sign_in(ann)
    seen = []
    for age in (0, 20, 300):
        VideoJob.objects.filter(pk=job.pk).update(updated_at=job.created_at + timedelta(seconds=age))
        detail = client.get(f"{URL}/{job.pk}").json()["estimatedSecondsLeft"]
        assert client.get(URL).json()["items"][0]["estimatedSecondsLeft"] == detail
        seen.append(detail)

    assert seen == [60, 40, 1]


def test_unknown_and_finished_jobs_have_no_estimate(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> None:
    ann = make_user()
    make_job(ann, expected_seconds=None)
    for phase in (Phase.SUCCEEDED, Phase.FAILED):
        make_job(ann, phase=phase, expected_seconds=60)

    items = sign_in(ann).get(URL).json()["items"]

    assert [item["estimatedSecondsLeft"] for item in items] == [None] * 3


def test_medians_are_computed_once_a_minute_by_the_sweeper(make_user: MakeUser, django_assert_num_queries: Any) -> None:
    finished(make_user(), 60)
    expectations.refresh()

    with django_assert_num_queries(2):
        expectations.refresh()

    assert expectations.expected_seconds(provider="mock", model=ORDER.model) == 60
    with django_assert_num_queries(0):
        assert expectations.expected_seconds(provider="mock", model="unknown") is None


def test_housekeeping_refreshes_them(make_user: MakeUser) -> None:
    import threading  # noqa: PLC0415 -- for this one event

    finished(make_user(), 60)

    housekeeping.run_housekeeping(threading.Event())

    assert expectations.expected_seconds(provider="mock", model=ORDER.model) == 60
