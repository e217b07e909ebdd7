"""Jobs whose hint has had no effect: found in the table, by one worker each, and begun once."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import django_rq
import pytest
import redis
from django.db.models.functions import Now

from accounts.models import User
from tests.conftest import MakeUser
from tests.fakes.google import FakeGoogle
from tests.fixtures.video_jobs import MakeJob
from tests.threads import at_once
from videos.engine import schedule, unclaimed
from videos.models import Upstream, VideoJob, from_now, new_lease
from videos.phases import Phase
from videos.worker import ThreadWorker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


class Worker(ThreadWorker):
    """In a thread of the test, which gets no signals."""

    def _install_signal_handlers(self) -> None:
        """Nothing to install."""


def work_until(condition: Callable[[], bool], *clients: redis.Redis, name: str = "submit") -> bool:
    """Run a worker for each client, each on its Redis; whether the condition came true, and every worker ended."""
    workers = [Worker([django_rq.get_queue(name, connection=client)], connection=client) for client in clients]
    threads = [threading.Thread(target=worker.work) for worker in workers]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    for worker in workers:
        worker._stop_requested = True
    for thread in threads:
        thread.join(30)
    return holds and not any(thread.is_alive() for thread in threads)


@pytest.fixture(autouse=True)
def _scan_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "SCAN_EVERY", 0.1)


@pytest.fixture
def nothing() -> redis.Redis:
    """A Redis that refuses connections."""
    return redis.Redis(host="127.0.0.1", port=1)


@pytest.fixture
def hung() -> Iterator[redis.Redis]:
    """A Redis that accepts connections but never replies."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield redis.Redis(host="127.0.0.1", port=server.getsockname()[1])


@pytest.fixture
def google(settings: Any) -> Iterator[FakeGoogle]:
    """Omni 1.2 with a key."""
    from videos.providers import registry  # noqa: PLC0415 - the fixture alone needs it

    Upstream.objects.filter(upstream_model="gemini-omni-1.2-flash").update(retires_on=None)
    with FakeGoogle(omni_gives_urls=True) as fake:
        settings.GEMINI_API_KEY, settings.GOOGLE_GEMINI_BASE_URL = "gemini-key", fake.url
        registry.built.cache_clear()
        yield fake
        registry.provider("google_omni").backend.close()  # type: ignore[attr-defined]
        registry.built.cache_clear()


PAID = {"provider": "google_omni", "upstream_model": "gemini-omni-1.2-flash", "mock_mode": False}


def six_jobs(make_user: MakeUser, make_job: MakeJob, **fields: Any) -> list[VideoJob]:
    owners: list[User] = [make_user(f"{name}@example.com") for name in ("ann", "ben")]
    return [make_job(owner, prompt=f"dress {n} of {owner}", **fields) for owner in owners for n in range(3)]


def test_only_an_unheard_job_is_taken(make_user: MakeUser, make_job: MakeJob) -> None:
    ann, ben, cay = (make_user(f"{name}@example.com") for name in ("ann", "ben", "cay"))
    unheard = make_job(ann, due_at=from_now(schedule.REHINT - schedule.TAKE_AFTER - 1))
    longest = make_job(ann, due_at=from_now(-60))
    make_job(ann, due_at=from_now(schedule.REHINT))  # its hint is on the way
    make_job(ben, lease_until=from_now(5), due_at=from_now(5))  # a back-off
    make_job(ben, phase=Phase.SUBMITTING, lease=new_lease(), lease_until=from_now(-1), due_at=from_now(-1))
    made = make_job(ben, phase=Phase.STORING)
    make_job(cay, phase=Phase.STORING, lease=new_lease(), lease_until=from_now(30))

    taken = [unclaimed.take(step="submit", limit=10), unclaimed.take(step="submit", limit=10)]

    assert [sorted(ids) for ids in taken] == [sorted([str(unheard.pk), str(longest.pk)]), []]
    assert unclaimed.take(step="transfer", limit=10) == [str(made.pk)]


def test_no_more_are_taken_than_threads_are_free(make_user: MakeUser, make_job: MakeJob) -> None:
    ann = make_user()
    later, first = make_job(ann, due_at=from_now(-1)), make_job(ann, due_at=from_now(-2))

    assert unclaimed.take(step="submit", limit=1) == [str(first.pk)]
    assert unclaimed.take(step="submit", limit=1) == [str(later.pk)]


def test_job_that_was_taken_and_not_begun_is_taken_again(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user())
    assert unclaimed.take(step="submit", limit=1) == [str(job.pk)]
    VideoJob.objects.update(due_at=Now() + timedelta(seconds=schedule.REHINT - schedule.TAKE_AFTER))  # due at once

    assert unclaimed.take(step="submit", limit=1) == [str(job.pk)]


def test_workers_that_scan_at_once_take_different_jobs(make_user: MakeUser, make_job: MakeJob) -> None:
    jobs = six_jobs(make_user, make_job)

    taken = at_once([lambda: unclaimed.take(step="submit", limit=3) for _ in range(8)])

    assert sorted(pk for ids in taken for pk in ids) == sorted(str(job.pk) for job in jobs)


def test_hint_and_table_at_once_buy_once(
    make_user: MakeUser, make_job: MakeJob, rq_hints: Any, google: FakeGoogle
) -> None:
    jobs = six_jobs(make_user, make_job, **PAID)
    hints = django_rq.get_queue("submit")
    for job in jobs * 3:
        hints.enqueue("videos.tasks.submit", str(job.pk), result_ttl=0)

    def is_done() -> bool:
        return hints.count == 0 and not VideoJob.objects.exclude(phase=Phase.GENERATING).exists()

    assert work_until(is_done, *[django_rq.get_queue("submit").connection for _ in range(3)])
    assert sorted(work.prompt for work in google.account.works.values()) == sorted(job.prompt for job in jobs)


@pytest.mark.parametrize("away", ["nothing", "hung"])
@pytest.mark.parametrize("threads", [1, 4])
def test_worker_without_redis_works(
    away: str, threads: int, request: pytest.FixtureRequest, make_user: MakeUser, make_job: MakeJob, settings: Any
) -> None:
    settings.WORKER_THREADS = {"submit": threads, "media": threads, "webhooks": threads}
    jobs = six_jobs(make_user, make_job)

    def are_submitted() -> bool:
        return VideoJob.objects.filter(phase=Phase.GENERATING).count() == len(jobs)

    assert work_until(are_submitted, request.getfixturevalue(away))
