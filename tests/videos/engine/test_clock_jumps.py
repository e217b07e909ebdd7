"""The database's clock jumps by an hour while jobs run: none waits for an hour, and none is lost."""

import time
from datetime import timedelta

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from accounts.models import User
from studio.models import Heartbeat
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob
from videos.engine import schedule
from videos.engine.heartbeat import SweeperHeartbeat
from videos.models import VideoJob
from videos.phases import Phase

HOUR = timedelta(hours=1)
SLACK = 60  # seconds; an hour is meant

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(make_user: MakeUser) -> User:
    return make_user()


def seconds_ahead(job: VideoJob, name: str = "due_at") -> float:
    job.refresh_from_db()
    return float((getattr(job, name) - timezone.now()).total_seconds())


def heartbeat_before_a_jump(by: timedelta) -> SweeperHeartbeat:
    """A heartbeat whose last beat was just before the clock jumped."""
    heartbeat = SweeperHeartbeat()
    heartbeat._last = (timezone.now() - by, time.monotonic())
    return heartbeat


@pytest.mark.parametrize("knows", [True, False])
def test_clock_that_is_set_back_delays_no_job(ann: User, make_job: MakeJob, knows: bool) -> None:
    """Also after a restart of the sweeper, when only the stored heartbeat shows the jump."""
    now = timezone.now()
    generating = make_job(ann, phase=Phase.GENERATING, operation="mock?", due_at=now + HOUR)
    back_off = now + HOUR + timedelta(seconds=300)
    queued = make_job(ann, phase=Phase.QUEUED, due_at=back_off, lease_until=back_off)
    Heartbeat.objects.create(name="sweeper", beat_at=now + HOUR)

    (heartbeat_before_a_jump(-HOUR) if knows else SweeperHeartbeat()).beat()

    assert abs(seconds_ahead(generating)) < SLACK
    assert abs(seconds_ahead(queued) - 300) < SLACK
    assert queued.lease_until == queued.due_at
    assert abs((Heartbeat.objects.get(name="sweeper").beat_at - now).total_seconds()) < SLACK


def test_clock_that_is_set_forward_loses_no_running_submit(ann: User, make_job: MakeJob) -> None:
    past = timezone.now() - HOUR
    job = make_job(ann, phase=Phase.SUBMITTING, due_at=past, lease_until=past)

    heartbeat_before_a_jump(HOUR).beat()

    assert abs(seconds_ahead(job) - schedule.LEASE) < SLACK
    assert (job.phase, job.lease_until) == (Phase.SUBMITTING, job.due_at)


def test_clock_that_runs_changes_no_job(ann: User, make_job: MakeJob) -> None:
    """A sweeper that was away cannot know of a forward jump."""
    now = timezone.now()
    late = make_job(ann, phase=Phase.SUBMITTING, due_at=now - HOUR, lease_until=now - HOUR)
    far = make_job(ann, phase=Phase.STORING, operation="mock?", due_at=now + HOUR, lease_until=now + HOUR)
    Heartbeat.objects.create(name="sweeper", beat_at=now - HOUR)
    heartbeat = SweeperHeartbeat()

    heartbeat.beat()
    heartbeat.beat()

    unchanged = VideoJob.objects.filter(due_at=F("lease_until"), due_at__in=[now - HOUR, now + HOUR])
    assert set(unchanged) == {late, far}


@pytest.mark.django_db(transaction=True)  # readyz checks in a thread of its own
def test_heartbeat_of_the_future_counts_as_none(client: Client) -> None:
    Heartbeat.objects.create(name="sweeper", beat_at=timezone.now() + HOUR)

    assert client.get("/readyz").json()["checks"]["sweeper"] == {"status": "degraded"}
