"""The thread worker and the sweeper as they run: on real queues, until they are stopped."""

import asyncio
import threading
import time
from typing import Any

import django_rq
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from operations.housekeeping import Housekeeping
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import ORDER, MakeJob
from videos import creation
from videos.engine import hints, progress, sweeper
from videos.models import VideoJob
from videos.phases import Phase
from videos.worker import ThreadWorker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def work(name: str) -> None:
    """Follow every hint of a queue, then stop."""
    queues = [django_rq.get_queue(name)]
    ThreadWorker(queues, connection=queues[0].connection).work(burst=True, logging_level="WARNING")


def test_worker_submits_what_was_created(make_user: MakeUser, rq_hints: Any) -> None:
    jobs = [creation.create(owner=make_user(), job_request=ORDER) for _ in range(1)]
    assert rq_hints() == {"submit": [str(jobs[0].pk)], "media": [], "webhooks": []}

    work("submit")

    assert list(VideoJob.objects.values_list("phase", flat=True)) == [Phase.GENERATING]
    assert rq_hints() == {"submit": [], "media": [], "webhooks": []}


@pytest.mark.parametrize("options", [{}, {"worker_class": "videos.worker.ThreadWorker"}])  # the latter until 1.0
def test_command_runs_the_thread_worker(make_user: MakeUser, rq_hints: Any, options: dict[str, str]) -> None:
    creation.create(owner=make_user(), job_request=ORDER)

    call_command("rqworker", "submit", burst=True, verbosity=0, **options)

    assert list(VideoJob.objects.values_list("phase", flat=True)) == [Phase.GENERATING]


together = threading.Barrier(settings.WORKER_THREADS["submit"])
met: list[int] = []


def meet() -> None:
    """A task that ends once every thread has begun one."""
    met.append(together.wait(30))


def test_hints_are_followed_side_by_side(rq_hints: Any) -> None:
    pending = django_rq.get_queue("submit")
    for _ in range(settings.WORKER_THREADS["submit"]):
        pending.enqueue(meet, result_ttl=0)

    work("submit")

    assert len(met) == settings.WORKER_THREADS["submit"]


def test_task_that_raises_frees_its_thread(rq_hints: Any) -> None:
    pending = django_rq.get_queue("submit")
    for _ in range(settings.WORKER_THREADS["submit"] * 3):
        pending.enqueue("builtins.int", "no number", result_ttl=0, failure_ttl=1)

    work("submit")

    assert pending.count == 0


@pytest.fixture
def no_redis(settings: Any) -> None:
    """No server listens at the address of Redis."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"


def test_lost_redis_does_not_stop_a_creation(make_user: MakeUser, no_redis: None) -> None:
    job = creation.create(owner=make_user(), job_request=ORDER)

    assert (job.phase, VideoJob.objects.count()) == (Phase.QUEUED, 1)


def test_lost_redis_does_not_stop_the_sweeper(make_user: MakeUser, make_job: MakeJob, no_redis: None) -> None:
    job = make_job(make_user())

    sweeper.resend_hints("submit", Phase.QUEUED)

    assert VideoJob.objects.due(Phase.QUEUED).get() == job


def run_sweeper_until(condition: Any) -> None:
    """Run a real sweeper until the condition holds; fails after ten seconds."""

    async def run() -> None:
        subject = sweeper.Sweeper(Housekeeping())
        task = asyncio.create_task(subject.run())
        try:
            for _ in range(200):
                await asyncio.sleep(0.05)
                if await asyncio.to_thread(checked):
                    return
            raise AssertionError("the sweeper did not get there")
        finally:
            subject.stop()
            await task

    def checked() -> bool:
        try:
            return bool(condition())
        finally:
            connection.close()

    thread_error: list[BaseException] = []

    def target() -> None:
        try:
            asyncio.run(run())
        except BaseException as exc:
            thread_error.append(exc)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if thread_error:
        raise thread_error[0]


def test_sweeper_polls_and_sends_hints(make_user: MakeUser, make_job: MakeJob, rq_hints: Any) -> None:
    ann = make_user()
    generating, queued = make_job(ann, phase=Phase.GENERATING), make_job(ann)
    lost = make_job(ann, phase=Phase.SUBMITTING)

    run_sweeper_until(
        lambda: (
            VideoJob.objects.get(pk=generating.pk).phase == Phase.STORING
            and VideoJob.objects.get(pk=lost.pk).phase == Phase.QUEUED
        )
    )

    assert str(queued.pk) in rq_hints()["submit"]
    assert rq_hints()["media"] == [str(generating.pk)]


def test_sweeper_writes_progress_down(make_user: MakeUser, make_job: MakeJob) -> None:
    operation = f"mock?began={time.time()}&seconds=1000&scenario="
    jobs = [make_job(make_user(f"{name}@example.com"), phase=Phase.GENERATING) for name in ("ann", "ben")]
    VideoJob.objects.update(operation=operation)

    run_sweeper_until(lambda: VideoJob.objects.filter(progress_percentage__gte=progress.SUBMITTED).count() == len(jobs))


def test_crowded_queue_gets_no_more_hints(make_user: MakeUser, make_job: MakeJob, rq_hints: Any) -> None:
    make_job(make_user())
    pending = django_rq.get_queue("submit")
    for _ in range(hints.CROWDED):
        pending.enqueue("builtins.str", "x")

    sweeper.resend_hints("submit", Phase.QUEUED)

    assert pending.count == hints.CROWDED
