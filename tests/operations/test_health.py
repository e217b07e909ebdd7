"""Health checks and `doctor`, with everything well and with each part broken."""

import io
import json
import socket
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts.models import AccountTask
from operations import account_health_checks, health_checks
from studio.http import probes
from studio.media.storage import store
from studio.observability import counters, health
from studio.observability.health import Check, Depth, Finding, Health
from tests.fakes.smtp import FakeSmtp
from videos.engine import sweeper


def doctor() -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    try:
        call_command("doctor", json=True, stdout=out)
    except SystemExit as exc:
        return int(exc.code or 0), json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


def test_doctor_finds_nothing_wrong(db: None) -> None:
    sweeper.beat()

    status, facts = doctor()

    assert facts["storage"] == {"status": "ok", "detail": "LocalStorage works."}
    assert (status, {fact["status"] for fact in facts.values()}) == (0, {"ok"})


def test_missing_migration_is_not_ready(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'videos'")

    finding = health.run_checks(depth=Depth.QUICK)["migrations"]

    assert finding == Finding(Health.DOWN, "Some of videos are not applied; run manage.py migrate.")


def test_stuck_round_is_abandoned(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_failed_write_counts_until_one_succeeds(settings: Any, tmp_path: Any) -> None:
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


def test_doctor_connects_to_reporting_servers(settings: Any) -> None:
    off = health_checks._reporting()
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.SENTRY_DSN = f"http://public-key@127.0.0.1:{server.getsockname()[1]}/1"
        reached = health_checks._reporting()
    settings.OTEL_EXPORTER_OTLP_ENDPOINT = settings.SENTRY_DSN = "http://key@127.0.0.1:1/1"
    away = health_checks._reporting()

    assert off.health == Health.OK
    assert reached == Finding(Health.OK, "Reached: Sentry.")
    assert away == Finding(Health.DEGRADED, "Sentry and OpenTelemetry cannot be reached; nothing waits for them.")


def test_doctor_connects_to_the_mail_server(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_TIMEOUT = "127.0.0.1", 5
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "ann", "smtp-password"
    with FakeSmtp() as server:
        settings.EMAIL_PORT = server.port
        accepted = account_health_checks.mail()
        server.script("auth", "535 wrong password")
        refused = account_health_checks.mail()
    away = account_health_checks.mail()
    settings.MAIL_IS_CONFIGURED = False
    unset = account_health_checks.mail()

    assert accepted == Finding(Health.OK, "127.0.0.1 accepts us.")
    assert (refused.health, "SMTPAuthenticationError" in refused.sentence) == (Health.DEGRADED, True)
    assert (away.health, "ConnectionRefusedError" in away.sentence) == (Health.DEGRADED, True)
    assert "smtp-password" not in refused.sentence
    assert unset == Finding(Health.OK, "EMAIL_URL is not set: users cannot reset a password or verify their address.")
    assert server.mails == []


def test_late_and_failing_account_tasks_are_reported(db: None) -> None:
    fine = account_health_checks.account_tasks()
    late = AccountTask.objects.create(kind="reset_password", due_at=timezone.now() - timedelta(minutes=12))
    waits = account_health_checks.account_tasks()
    AccountTask.objects.filter(pk=late.pk).update(attempts=5)
    fails = account_health_checks.account_tasks()

    assert fine == Finding(Health.OK, "None is late or fails.")
    assert waits == Finding(Health.DEGRADED, "A mail, export or deletion of an account has waited for 12 minutes.")
    assert (fails.health, fails.sentence[:52]) == (
        *(Health.DEGRADED, "1 mails, exports or deletions of accounts fail again"),
    )


def test_storage_that_cannot_be_written_is_down(db: None, settings: Any, tmp_path: Any) -> None:
    (tmp_path / "file").write_text("no folder")
    settings.MEDIA_ROOT = tmp_path / "file"

    status, facts = doctor()

    assert (status, facts["storage"]["status"]) == (1, "down")
    assert facts["storage"]["detail"].startswith("LocalStorage fails to write or read")


def test_default_output_of_doctor_is_text(db: None) -> None:
    out = io.StringIO()

    with pytest.raises(SystemExit):
        call_command("doctor", stdout=out)

    assert "WARN  sweeper        It has never run; start manage.py sweep.\n" in out.getvalue()


def test_health_words_are_ordered() -> None:
    assert Health.OK < Health.DEGRADED < Health.DOWN
