"""`/readyz` is 503 while no row can be written: on a full disk, or with a read-only database."""

import contextlib
import dataclasses
import os
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client

from operations import health_checks
from studio.http import probes
from studio.models import Heartbeat
from studio.observability import health
from studio.observability.health import Finding, Health
from tests.running import manage

pytestmark = pytest.mark.django_db(transaction=True)  # readyz runs its checks in its own thread
ASK = "from operations import health_checks; print(health_checks.rows().health.name)"
READ_ONLY = {
    "postgresql": ("SET default_transaction_read_only = on", "RESET default_transaction_read_only"),
    "sqlite": ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
}


@pytest.fixture(autouse=True)
def _nothing_written_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_checks, "_row_written_at", float("-inf"))


@pytest.fixture
def _read_only() -> Iterator[None]:
    begin, end = READ_ONLY[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(begin)
    yield
    with connection.cursor() as cursor:
        cursor.execute(end)


def test_row_is_written_and_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = health_checks.rows()
    beat_at = Heartbeat.objects.get(name="readyz").beat_at
    monkeypatch.setattr(health_checks, "_row_written_at", float("-inf"))

    assert [first, health_checks.rows()] == [Finding(Health.OK, "A row was written.")] * 2
    assert Heartbeat.objects.get(name="readyz").beat_at > beat_at


def test_frequent_requests_write_one_row(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_checks, "ROW_SECONDS", 600)
    health_checks.rows()
    Heartbeat.objects.all().delete()

    responses = [client.get("/readyz").json()["checks"]["rows"] for _ in range(3)]

    assert responses == [{"status": "ok"}] * 3
    assert not Heartbeat.objects.exists()


@pytest.mark.usefixtures("_read_only")
def test_database_in_read_only_mode_is_down() -> None:
    finding = health_checks.rows()

    reason = {"postgresql": "cannot execute", "sqlite": "attempt to write a readonly database"}[connection.vendor]
    assert finding.health == Health.DOWN
    assert finding.sentence.startswith(f"No row can be written: {reason}")
    assert health_checks._row_written_at == float("-inf")  # the next one tries again


def test_write_that_hangs_is_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if another process had locked SQLite, or PostgreSQL's disk hung."""
    released = threading.Event()

    def wait() -> Finding:
        released.wait(30)
        return Finding(Health.OK, "A row was written.")

    monkeypatch.setattr(probes, "READY_SECONDS", 0.5)
    monkeypatch.setitem(health._checks, "rows", dataclasses.replace(health._checks["rows"], find=wait))
    try:
        response = client.get("/readyz")
    finally:
        released.set()
        for thread in threading.enumerate():
            if thread.name == "readyz":
                thread.join(10)

    assert (response.status_code, response.json()["checks"]["rows"]) == (503, {"status": "down"})


def test_write_that_fails_is_not_ready(client: Client) -> None:
    trigger = {
        "sqlite": "CREATE TRIGGER full_disk BEFORE INSERT ON studio_heartbeat BEGIN SELECT RAISE(FAIL, 'full'); END",
        "postgresql": "ALTER TABLE studio_heartbeat ADD CONSTRAINT full_disk CHECK (false)",
    }
    undo = {
        "sqlite": "DROP TRIGGER full_disk",
        "postgresql": "ALTER TABLE studio_heartbeat DROP CONSTRAINT full_disk",
    }
    with connection.cursor() as cursor:
        cursor.execute(trigger[connection.vendor])
    try:
        response = client.get("/readyz")
    finally:
        with connection.cursor() as cursor:
            cursor.execute(undo[connection.vendor])

    assert (response.status_code, response.json()["checks"]["database"], response.json()["checks"]["rows"]) == (
        503,
        {"status": "ok"},
        {"status": "down"},
    )


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="only root can mount a small disk")
def test_sqlite_on_a_full_disk_is_down(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk], check=False, timeout=30)
    if mounted.returncode:
        pytest.skip("this machine does not let root mount")
    try:
        environment = {"DATA_DIR": str(disk / "data"), "DATABASE_URL": "", "REDIS_URL": "redis://127.0.0.1:1/0"}
        assert manage("migrate", "-v", "0", **environment).returncode == 0
        before = manage("shell", "--no-imports", "-v", "0", "-c", ASK, **environment).stdout
        subprocess.run(
            ["dd", "if=/dev/zero", f"of={disk / 'fill'}", "bs=4k"], check=False, capture_output=True, timeout=30
        )
        after = manage("shell", "--no-imports", "-v", "0", "-c", ASK, **environment).stdout
    finally:
        subprocess.run(["umount", disk], check=False, timeout=30)

    assert [before.strip(), after.strip()] == ["OK", "DOWN"]


@pytest.mark.slow
def test_up_does_not_start_on_a_database_that_cannot_be_written(tmp_path: Path) -> None:
    environment = {"DATA_DIR": str(tmp_path), "DATABASE_URL": "", "REDIS_URL": ""}
    assert manage("migrate", "-v", "0", **environment).returncode == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "db.sqlite3")) as database:
        database.execute(
            "CREATE TRIGGER full_disk BEFORE INSERT ON studio_heartbeat BEGIN SELECT RAISE(FAIL, 'x'); END"
        )

    done = manage("up", **environment)

    assert done.returncode == 1
    assert done.stderr.startswith("Cannot start: the database cannot be used. No row can be written: x.")
