"""`/readyz`, with everything ready and with each part broken."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from operations import health_checks
from studio.http import probes
from studio.models import Heartbeat
from studio.observability import health
from studio.observability.health import Check, Depth, Finding, Health
from videos.engine import sweeper

WITH_TOKEN = {"Authorization": "Bearer metrics-token"}


@pytest.fixture(autouse=True)
def _metrics_token(settings: Any) -> None:
    settings.METRICS_TOKEN = "metrics-token"


@pytest.mark.django_db(transaction=True)  # readyz runs its checks in its own thread
def test_everything_is_ready(client: Client) -> None:
    sweeper.beat()

    response = client.get("/readyz", headers=WITH_TOKEN)

    checks = response.json()["checks"]
    assert (response.status_code, response.json()["status"]) == (200, "ready")
    assert {name: check["status"] for name, check in checks.items() if name != "providers"} == {
        "account tasks": "ok",
        "clock": "ok",
        "database": "ok",
        "disk": "ok",
        "live": "ok",
        "migrations": "ok",
        "models": "ok",
        "redis": "ok",
        "rows": "ok",
        "sweeper": "ok",
        "transfers": "ok",
        "webhooks": "ok",
        "reconciliation": "ok",
        "writes": "ok",
    }


@pytest.mark.django_db(transaction=True)  # readyz runs its checks in its own thread
def test_missing_redis_degrades(client: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    sweeper.beat()

    response = client.get("/readyz", headers=WITH_TOKEN)

    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    detail = response.json()["checks"]["redis"]["detail"]
    assert detail.endswith("): each step of a job starts some seconds later. See REDIS_URL.")


@pytest.mark.django_db(transaction=True)  # readyz runs its checks in its own thread
def test_sweeper_that_never_ran_or_died_degrades(client: Client) -> None:
    never = client.get("/readyz", headers=WITH_TOKEN).json()["checks"]["sweeper"]
    Heartbeat.objects.create(name="sweeper", beat_at=timezone.now() - timedelta(minutes=5))
    dead = client.get("/readyz", headers=WITH_TOKEN).json()["checks"]["sweeper"]

    assert never == {"status": "degraded", "detail": "It has never run; start manage.py sweep."}
    assert (dead["status"], dead["detail"][:29]) == ("degraded", "Its last sign of life is 300 ")


@pytest.mark.django_db(transaction=True)  # readyz runs its checks in its own thread
def test_live_process_that_died_degrades_and_is_not_missed_where_none_has_run(client: Client) -> None:
    never = client.get("/readyz", headers=WITH_TOKEN).json()["checks"]["live"]
    Heartbeat.objects.create(name="live", beat_at=timezone.now() - timedelta(minutes=5))
    dead = client.get("/readyz", headers=WITH_TOKEN)
    Heartbeat.objects.update(beat_at=timezone.now())
    alive = client.get("/readyz", headers=WITH_TOKEN).json()["checks"]["live"]

    assert never == {"status": "ok", "detail": "It has never run here: clients poll."}
    assert (dead.status_code, dead.json()["checks"]["live"]["status"]) == (200, "degraded")
    assert dead.json()["checks"]["live"]["detail"].endswith(" s old; start manage.py live; meanwhile clients poll.")
    assert alive == {"status": "ok", "detail": "It is alive."}


@pytest.mark.django_db(transaction=True)
def test_details_need_the_metrics_token(client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Finding:
        raise OSError("db.internal.example: password authentication failed for user studio")

    settings.REDIS_URL = "redis://:redis-password@127.0.0.1:1/0"
    settings.GEMINI_API_KEY = "gemini-key"
    monkeypatch.setitem(health._checks, "broken", Check(broken, Depth.QUICK, Health.DEGRADED))

    responses = [client.get("/readyz", headers=headers) for headers in ({}, {"Authorization": "Bearer wrong"})]

    for response in responses:
        assert response.json() == {
            "status": "unready",
            "checks": {
                "database": {"status": "ok"},
                "migrations": {"status": "ok"},
                "disk": {"status": "ok"},
                "sweeper": {"status": "degraded"},
                "live": {"status": "ok"},
                "redis": {"status": "degraded"},
                "writes": {"status": "degraded"},
                "clock": {"status": "ok"},
                "rows": {"status": "ok"},
                "providers": {"status": "ok"},
                "models": {"status": "ok"},
                "transfers": {"status": "ok"},
                "webhooks": {"status": "ok"},
                "reconciliation": {"status": "ok"},
                "account tasks": {"status": "ok"},
                "broken": {"status": "down"},
            },
        }


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_check_that_hangs_is_late_and_blocks_no_request(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, released = [], threading.Event()
    health_checks._newest()  # reads files, the first time

    def hang() -> Finding:
        asked.append(True)
        released.wait(30)
        return Finding(Health.OK, "At last.")

    monkeypatch.setattr(probes, "READY_SECONDS", 0.5)
    monkeypatch.setitem(health._checks, "hanging", Check(hang, Depth.QUICK, Health.DEGRADED))
    began_at = time.monotonic()

    responses = [client.get("/readyz", headers=WITH_TOKEN) for _ in range(40)]  # the first waits

    seconds = time.monotonic() - began_at
    shown = [
        (response.status_code, response.json()["checks"]["hanging"], response.json()["checks"]["database"]["status"])
        for response in responses
    ]
    assert shown == [(200, {"status": "degraded", "detail": "No response within 0.5 s."}, "ok")] * 40
    assert (asked, seconds < 10) == ([True], True)
    released.set()
    for thread in threading.enumerate():
        if thread.name == "readyz":
            thread.join(10)


@pytest.mark.django_db(transaction=True)  # readyz runs its checks in its own thread
def test_check_that_breaks_is_down(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Finding:
        raise RuntimeError

    monkeypatch.setitem(health._checks, "broken", Check(broken, Depth.QUICK, Health.DEGRADED))

    response = client.get("/readyz", headers=WITH_TOKEN)

    assert response.status_code == 503
    assert response.json()["checks"]["broken"] == {"status": "down", "detail": "The check itself failed: RuntimeError."}
