"""What `/readyz` and `doctor` say, with everything in order and with each part broken."""

import io
import json
import socket
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from operations import health_checks
from studio.http import probes
from studio.media.storage import store
from studio.models import Heartbeat
from studio.observability import counters, health
from studio.observability.health import Check, Depth, Finding, Health
from videos.engine import sweeper

TOLD = {"Authorization": "Bearer metrics-token"}


@pytest.fixture(autouse=True)
def _metrics_token(settings: Any) -> None:
    settings.METRICS_TOKEN = "metrics-token"


def doctor() -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    try:
        call_command("doctor", json=True, stdout=out)
    except SystemExit as exc:
        return int(exc.code or 0), json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


@pytest.mark.django_db(transaction=True)  # readyz looks from a thread of its own
def test_all_is_well(client: Client) -> None:
    sweeper.beat()

    answer = client.get("/readyz", headers=TOLD)

    checks = answer.json()["checks"]
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert {name: check["status"] for name, check in checks.items() if name != "providers"} == {
        "clock": "ok",
        "database": "ok",
        "disk": "ok",
        "migrations": "ok",
        "models": "ok",
        "redis": "ok",
        "rows": "ok",
        "sweeper": "ok",
        "transfers": "ok",
        "reconciliation": "ok",
        "writes": "ok",
    }


def test_doctor_is_content(db: None) -> None:
    sweeper.beat()

    status, facts = doctor()

    assert facts["storage"] == {"status": "ok", "detail": "LocalStorage works."}
    assert (status, {fact["status"] for fact in facts.values()}) == (0, {"ok"})


@pytest.mark.django_db(transaction=True)  # readyz looks from a thread of its own
def test_redis_that_is_away_degrades(client: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    sweeper.beat()

    answer = client.get("/readyz", headers=TOLD)

    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    detail = answer.json()["checks"]["redis"]["detail"]
    assert detail.endswith("): each step of a job begins some seconds later. See REDIS_URL.")


@pytest.mark.django_db(transaction=True)  # readyz looks from a thread of its own
def test_sweeper_that_never_ran_or_died_degrades(client: Client) -> None:
    never = client.get("/readyz", headers=TOLD).json()["checks"]["sweeper"]
    Heartbeat.objects.create(name="sweeper", beat_at=timezone.now() - timedelta(minutes=5))
    dead = client.get("/readyz", headers=TOLD).json()["checks"]["sweeper"]

    assert never == {"status": "degraded", "detail": "It has never run; start manage.py sweep."}
    assert (dead["status"], dead["detail"][:29]) == ("degraded", "Its last sign of life is 300 ")


def test_missing_migration_is_not_ready(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'videos'")

    finding = health.examine(depth=Depth.QUICK)["migrations"]

    assert finding == Finding(Health.DOWN, "Some of videos are not applied; run manage.py migrate.")


@pytest.mark.django_db(transaction=True)
def test_strangers_are_told_names_and_states_only(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Finding:
        raise OSError("db.internal.example: password authentication failed for user studio")

    settings.REDIS_URL = "redis://:redis-password@127.0.0.1:1/0"
    settings.GEMINI_API_KEY = "gemini-key"
    monkeypatch.setitem(health._checks, "broken", Check(broken, Depth.QUICK, Health.DEGRADED))

    answers = [client.get("/readyz", headers=headers) for headers in ({}, {"Authorization": "Bearer wrong"})]

    for answer in answers:
        assert answer.json() == {
            "status": "unready",
            "checks": {
                "database": {"status": "ok"},
                "migrations": {"status": "ok"},
                "disk": {"status": "ok"},
                "sweeper": {"status": "degraded"},
                "redis": {"status": "degraded"},
                "writes": {"status": "degraded"},
                "clock": {"status": "ok"},
                "rows": {"status": "ok"},
                "providers": {"status": "ok"},
                "models": {"status": "ok"},
                "transfers": {"status": "ok"},
                "reconciliation": {"status": "ok"},
                "broken": {"status": "down"},
            },
        }


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_part_that_hangs_is_late_and_hangs_nobody(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, released = [], threading.Event()
    health_checks._newest()  # reads files, the first time

    def hang() -> Finding:
        asked.append(True)
        released.wait(30)
        return Finding(Health.OK, "At last.")

    monkeypatch.setattr(probes, "READY_SECONDS", 0.5)
    monkeypatch.setitem(health._checks, "hanging", Check(hang, Depth.QUICK, Health.DEGRADED))
    began_at = time.monotonic()

    answers = [client.get("/readyz", headers=TOLD) for _ in range(40)]  # the first waits

    seconds = time.monotonic() - began_at
    shown = [
        (answer.status_code, answer.json()["checks"]["hanging"], answer.json()["checks"]["database"]["status"])
        for answer in answers
    ]
    assert shown == [(200, {"status": "degraded", "detail": "No answer within 0.5 s."}, "ok")] * 40
    assert (asked, seconds < 10) == ([True], True)
    released.set()
    for thread in threading.enumerate():
        if thread.name == "readyz":
            thread.join(10)


def test_stuck_round_is_left_to_itself(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hang() -> Finding:
        released.wait(30)
        return Finding(Health.OK, "At last.")

    monkeypatch.setattr(probes, "READY_SECONDS", 0.01)
    monkeypatch.setattr(probes, "STUCK_SECONDS", 0.0)
    monkeypatch.setattr(health, "_checks", {"hanging": Check(hang, Depth.QUICK, Health.DEGRADED)})
    watch = probes.Rounds()

    for _ in range(6):
        watch.findings()
    stuck = list(watch._unfinished)
    released.set()
    assert [round_.done.wait(10) for round_ in stuck] == [True] * probes.MOST_STUCK

    assert watch._current() not in stuck
    watch._current().done.wait(10)


def test_migrations_take_one_query_and_no_files(db: None, django_assert_num_queries: Any) -> None:
    health_checks._newest()

    with django_assert_num_queries(1):
        finding = health_checks._migrations()

    assert finding == Finding(Health.OK, "All are applied.")


def test_last_write_that_failed_is_told_until_one_succeeds(settings: Any, tmp_path: Any) -> None:
    counters.connect().delete(counters.MARKS)
    nothing = health_checks._writes()
    good, settings.MEDIA_ROOT = settings.MEDIA_ROOT, tmp_path / "file"
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError, match="file"):
        store(name="probe/a.txt", content=ContentFile(b"a"))
    counters.flush()
    failing = health_checks._writes()
    settings.MEDIA_ROOT = good
    store(name="probe/a.txt", content=ContentFile(b"a"))
    counters.flush()
    mended = health_checks._writes()

    assert (nothing, failing.health, mended) == (
        Finding(Health.OK, "No file was stored yet."),
        Health.DEGRADED,
        Finding(Health.OK, "The last file was stored."),
    )
    assert failing.sentence == "The last write to the storage failed, 0 s ago; see manage.py doctor."


def test_doctor_knocks_at_what_reports_go_to(settings: Any) -> None:
    off = health_checks._reporting()
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.SENTRY_DSN = f"http://public-key@127.0.0.1:{server.getsockname()[1]}/1"
        reached = health_checks._reporting()
    settings.OTEL_EXPORTER_OTLP_ENDPOINT = settings.SENTRY_DSN = "http://key@127.0.0.1:1/1"
    away = health_checks._reporting()

    assert off.health == Health.OK
    assert reached == Finding(Health.OK, "Reached: Sentry.")
    assert away == Finding(Health.DEGRADED, "Sentry and OpenTelemetry cannot be reached; nothing waits for them.")


def test_storage_that_cannot_be_written_is_told(db: None, settings: Any, tmp_path: Any) -> None:
    (tmp_path / "file").write_text("no folder")
    settings.MEDIA_ROOT = tmp_path / "file"

    status, facts = doctor()

    assert (status, facts["storage"]["status"]) == (1, "down")
    assert facts["storage"]["detail"].startswith("LocalStorage fails to write or read")


@pytest.mark.django_db(transaction=True)  # readyz looks from a thread of its own
def test_check_that_breaks_is_down(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Finding:
        raise RuntimeError

    monkeypatch.setitem(health._checks, "broken", Check(broken, Depth.QUICK, Health.DEGRADED))

    answer = client.get("/readyz", headers=TOLD)

    assert answer.status_code == 503
    assert answer.json()["checks"]["broken"] == {"status": "down", "detail": "The check itself failed: RuntimeError."}


def test_doctor_speaks_to_people(db: None) -> None:
    out = io.StringIO()

    with pytest.raises(SystemExit):
        call_command("doctor", stdout=out)

    assert "WARN  sweeper        It has never run; start manage.py sweep.\n" in out.getvalue()


def test_health_words_are_ordered() -> None:
    assert Health.OK < Health.DEGRADED < Health.DOWN
