"""Counters that all processes share: none counts twice, is lost while Redis is down, or blocks."""

import os
import threading
import time
from typing import Any

import pytest
from django.conf import settings as configured
from django.test import Client

from studio.observability import counters
from studio.observability.counters import Metric, Sums, Tally
from tests.conftest import MakeUser, SignIn
from tests.studio.observability.redis_that_loses_replies import LosesReplies

COUNTED = "studio_test_total"


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Metric:
    monkeypatch.setattr(counters, "_metrics", {})
    with counters.connect() as client:
        client.delete(counters.SUMS)
    return Metric(COUNTED, "Something that is counted", {"outcome": ("good", "bad")})


def shared() -> Sums:
    with counters.connect() as client:
        return counters.sums(client)


def amounts(number: float, outcome: str = "good") -> Sums:
    return {(COUNTED, (outcome,), ""): number}


def test_processes_add_up(counted: Metric) -> None:
    one, other = Tally(), Tally()

    for tally, number in ((one, 1), (other, 2), (one, 3.5)):
        tally.add(amounts(number))
        tally.flush()

    assert shared() == amounts(6.5)


def test_threads_lose_nothing(counted: Metric) -> None:
    tally = Tally()
    threads = [threading.Thread(target=lambda: [tally.add(amounts(1)) for _ in range(500)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        tally.flush()
    tally.flush()

    assert shared() == amounts(4000)


def test_outage_loses_nothing(counted: Metric, settings: Any) -> None:
    tally, url = Tally(), configured.REDIS_URL
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    tally.add(amounts(1))
    tally.flush()
    tally.add(amounts(2))
    tally.flush()
    settings.REDIS_URL = url
    tally._client = None

    for _ in range(2):
        tally.flush()

    assert shared() == amounts(3)


def test_lost_answer_counts_once(counted: Metric, settings: Any) -> None:
    tally, url = Tally(), settings.REDIS_URL
    with LosesReplies(url) as proxy:
        settings.REDIS_URL = proxy.url
        tally.add(amounts(1))
        tally.flush()  # done, but the reply is lost
        proxy.lets_through = True
        tally.add(amounts(10))
        tally.flush()
        tally.flush()
        tally._client.close()
    settings.REDIS_URL = url

    assert proxy.lost >= 1
    assert shared() == amounts(11)


def test_counting_does_not_wait_for_redis(counted: Metric, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    tally = Tally()
    began_at = time.perf_counter()

    for _ in range(1000):
        tally.add(amounts(1))

    assert time.perf_counter() - began_at < 0.5


def test_forked_child_does_not_send_what_its_parent_sends(counted: Metric) -> None:
    counters._tally.add(amounts(1))

    child = os.fork()  # as RQ's own worker does
    if child == 0:
        counters._tally.add(amounts(10))
        counters.flush()
        os._exit(0)
    os.waitpid(child, 0)
    counters.flush()

    assert shared() == amounts(11)


def test_series_of_another_release_are_left_out(counted: Metric) -> None:
    tally = Tally()
    tally.add({("studio_gone_total", (), ""): 1, (COUNTED, ("good", "of-an-old-label"), ""): 1})
    tally.flush()

    assert shared() == {}


@pytest.mark.django_db
def test_requests_are_counted_by_template(client: Client, make_user: MakeUser, sign_in: SignIn) -> None:
    counters.flush()
    with counters.connect() as redis:
        redis.delete(counters.SUMS)
    ann = sign_in(make_user())

    for path in (
        "/api/v1/video-jobs",
        "/api/v1/video-jobs/",
        "/api/v1/video-jobs/550e8400-e29b-41d4-a716-446655440000",
    ):
        ann.get(path)
    client.get("/nowhere/1")
    client.get("/nowhere/2")
    client.generic("BREW", "/healthz")
    counters.flush()

    counts: dict[Any, float] = {}
    for (name, values, part), number in shared().items():
        if name == "studio_http_request_seconds" and part != "sum":
            counts[values] = counts.get(values, 0) + number
    assert counts == {
        ("GET", "/api/v1/video-jobs", "2xx"): 2,
        ("GET", "/api/v1/video-jobs/<pk>", "4xx"): 1,
        ("GET", "unknown", "4xx"): 2,
        ("OTHER", "/healthz", "2xx"): 1,
    }
