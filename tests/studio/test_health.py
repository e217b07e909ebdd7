"""What `/readyz` and `doctor` say, with everything in order and with each part broken."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from studio import health
from studio.health import Finding, Health
from studio.models import Heartbeat
from videos import sweeper


def doctor() -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    try:
        call_command("doctor", json=True, stdout=out)
    except SystemExit as exc:
        return int(exc.code or 0), json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


def test_all_is_well(db: None, client: Client) -> None:
    sweeper.beat()

    answer = client.get("/readyz")

    checks = answer.json()["checks"]
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert {name: check["status"] for name, check in checks.items() if name != "providers"} == {
        "database": "ok",
        "migrations": "ok",
        "redis": "ok",
        "sweeper": "ok",
    }


def test_doctor_is_content(db: None) -> None:
    sweeper.beat()

    status, facts = doctor()

    assert facts["storage"] == {"status": "ok", "detail": "LocalStorage works."}
    assert (status, {fact["status"] for fact in facts.values()}) == (0, {"ok"})


def test_redis_that_is_away_degrades(db: None, client: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    sweeper.beat()

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert "See REDIS_URL." in answer.json()["checks"]["redis"]["detail"]


def test_sweeper_that_never_ran_or_died_degrades(db: None, client: Client) -> None:
    never = client.get("/readyz").json()["checks"]["sweeper"]
    Heartbeat.objects.create(name="sweeper", beat_at=timezone.now() - timedelta(minutes=5))
    dead = client.get("/readyz").json()["checks"]["sweeper"]

    assert never == {"status": "degraded", "detail": "It has never run; start manage.py sweep."}
    assert (dead["status"], dead["detail"][:29]) == ("degraded", "Its last sign of life is 300 ")


def test_missing_migration_is_not_ready(db: None, client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'videos'")

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["status"]) == (503, "unready")
    assert "run manage.py migrate" in answer.json()["checks"]["migrations"]["detail"]


def test_storage_that_cannot_be_written_is_told(db: None, settings: Any, tmp_path: Any) -> None:
    (tmp_path / "file").write_text("no folder")
    settings.MEDIA_ROOT = tmp_path / "file"

    status, facts = doctor()

    assert (status, facts["storage"]["status"]) == (1, "down")
    assert facts["storage"]["detail"].startswith("LocalStorage cannot be written and read")


def test_check_that_breaks_is_down(db: None, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Finding:
        raise RuntimeError

    monkeypatch.setitem(health._quick, "broken", broken)

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["broken"] == {"status": "down", "detail": "The check itself failed: RuntimeError."}


def test_doctor_speaks_to_people(db: None) -> None:
    out = io.StringIO()

    with pytest.raises(SystemExit):
        call_command("doctor", stdout=out)

    assert "WARN  sweeper        It has never run; start manage.py sweep.\n" in out.getvalue()


def test_health_words_are_ordered() -> None:
    assert Health.OK < Health.DEGRADED < Health.DOWN
