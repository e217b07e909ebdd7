"""When an accepted job is polled first."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from studio.models import TaskState
from tests.conftest import MakeUser
from tests.fakes.google import FakeGoogle
from tests.fixtures.video_jobs import ORDER
from videos import creation
from videos.engine import poll_times, submit
from videos.models import Upstream, VideoJob
from videos.phases import Phase
from videos.providers.google_omni import FIRST_POLL_SECONDS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _only_omni(google: FakeGoogle) -> Iterator[None]:
    Upstream.objects.exclude(provider="google_omni", upstream_model="gemini-omni-1.2-flash").update(is_enabled=False)
    poll_times.forget()
    yield
    poll_times.forget()


def seconds_to_first_poll(make_user: MakeUser, *, plan: list[float], started_before: float = 0) -> float:
    """From the time of the submit, where the plan of the model is this one."""
    state = {"google_omni": {ORDER.model: plan}}
    TaskState.objects.create(name=poll_times.NAME, state=state, due_at=Now())
    job = creation.create(owner=make_user(), job_request=replace(ORDER, mock_mode=False))
    submits_at = timezone.now()
    if started_before:
        VideoJob.objects.filter(pk=job.pk).update(started_at=submits_at - timedelta(seconds=started_before))

    submit.submit(job_id=str(job.pk))

    job.refresh_from_db()
    assert job.phase == Phase.GENERATING
    assert job.due_at
    return (job.due_at - submits_at).total_seconds()


@pytest.mark.parametrize(
    ("plan", "expected"), [([], FIRST_POLL_SECONDS), ([40.0, 50.0], 40), ([1.0, 50.0], FIRST_POLL_SECONDS)]
)
def test_first_poll_is_the_plans_but_not_before_the_providers(
    make_user: MakeUser, plan: list[float], expected: float
) -> None:
    assert seconds_to_first_poll(make_user, plan=plan) == pytest.approx(expected, abs=5)


def test_job_that_was_retried_for_long_is_first_polled_as_the_provider_says(make_user: MakeUser) -> None:
    found = seconds_to_first_poll(make_user, plan=[40.0, 50.0], started_before=3600)

    assert found == pytest.approx(FIRST_POLL_SECONDS, abs=5)


def test_plan_is_read_before_the_paid_call(make_user: MakeUser) -> None:
    job = creation.create(owner=make_user(), job_request=replace(ORDER, mock_mode=False))

    with CaptureQueriesContext(connection) as sent:
        submit.submit(job_id=str(job.pk))

    statements = [query["sql"] for query in sent.captured_queries]
    claim = next(place for place, text in enumerate(statements) if text.startswith('UPDATE "videos_videojob"'))
    assert [place < claim for place, text in enumerate(statements) if "studio_taskstate" in text] == [True]
