"""Free space of this process's folders, and of other machines."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from operations import health_checks
from studio.media import disks
from studio.observability import counters
from studio.observability.health import Finding, Health


@pytest.fixture(autouse=True)
def reports() -> Iterator[Any]:
    with counters.connect() as client:
        client.delete(disks.REPORTS)
        yield client
        client.delete(disks.REPORTS)


def said_by(host: str, where: str, free: int, *, seconds_ago: float = 0) -> dict[str, str]:
    return {json.dumps([host, where]): json.dumps([free, time.time() - seconds_ago])}


@pytest.mark.django_db
def test_folders_are_those_that_this_process_writes_to(settings: Any) -> None:
    files = {"database"} if connection.vendor == "sqlite" else set()

    assert {where for _, where in disks.own()} == {"data", "work", "media", "temporary"} | files


def test_folder_to_come_is_its_parents(settings: Any, tmp_path: Path) -> None:
    settings.WORK_DIR = tmp_path / "not" / "there"

    assert disks.own()[disks.host(), "work"] > 0


def test_unreadable_folder_is_omitted(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings.WORK_DIR = tmp_path / "file" / "work"  # ENOTDIR

    assert (disks.host(), "work") not in disks.own()


def test_little_free_space_is_degraded(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disks, "LOW_BYTES", 1 << 60)

    found = health_checks.disk()

    assert found.health == Health.DEGRADED
    assert "data on " in found.sentence
    assert "temporary" not in found.sentence


def test_other_machines_are_heard_and_old_reports_forgotten(reports: Any) -> None:
    reports.hset(disks.REPORTS, mapping=said_by("a", "work", 5) | said_by("b", "work", 7, seconds_ago=500))

    assert disks.reported(reports) == {("a", "work"): 5}
    assert reports.hlen(disks.REPORTS) == 1


def test_processes_report_by_themselves(reports: Any) -> None:
    tally = counters.Tally()

    tally.add({})  # what `counters.start` does
    deadline = time.monotonic() + 30
    while not reports.exists(disks.REPORTS) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert {host for host, _ in disks.reported(reports)} == {disks.host()}


def test_doctor_knows_of_a_worker_whose_disk_is_nearly_full(reports: Any) -> None:
    reports.hset(disks.REPORTS, mapping=said_by("media-1", "work", 1024**2))

    assert health_checks._other_disks() == Finding(
        Health.DEGRADED,
        "Nearly full; left: work on media-1: 1 MiB. Make room (manage.py reconcile, manage.py purge), or get a larger "
        "disk. Once it is full, videos wait and requests are refused.",
    )


def test_other_disks_need_redis(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    assert health_checks._other_disks() == Finding(Health.DEGRADED, "Unknown while Redis is unavailable.")


@pytest.mark.django_db
def test_metrics_show_all_disks_and_the_size_of_the_database(client: Client, settings: Any, reports: Any) -> None:
    settings.METRICS_TOKEN = "metrics-token"
    reports.hset(disks.REPORTS, mapping=said_by("media-1", "work", 12345))

    text = client.get("/metrics", headers={"Authorization": "Bearer metrics-token"}).content.decode()

    assert 'studio_disk_free_bytes{host="media-1",where="work"} 12345.0' in text
    assert f'studio_disk_free_bytes{{host="{disks.host()}",where="data"}}' in text
    assert int(disks.database_bytes()) > 100_000
    assert "\nstudio_database_bytes " in text
