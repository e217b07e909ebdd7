"""The sweeper purges daily: where it is set, from its last day on, and PostgreSQL's vacuum after it."""

import importlib
import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from operations import retention
from operations.housekeeping import run_housekeeping
from studio.env import PROJECT
from studio.models import TaskState
from tests.operations.purge.conftest import age, left, run
from videos.models import VideoJob

pytestmark = pytest.mark.django_db


def test_sweeper_purges_daily_with_the_setting(jobs: dict[str, VideoJob], settings: Any) -> None:
    settings.PURGE_DAILY = True
    for job in jobs.values():
        VideoJob.objects.filter(pk=job.pk).update(tokens_charged=0)

    run_housekeeping(threading.Event())

    assert left(jobs) == {"fresh mock", "live mock", "real"}


def test_sweeper_keeps_everything_without_the_setting(jobs: dict[str, VideoJob]) -> None:
    run_housekeeping(threading.Event())

    assert left(jobs) == set(jobs)


def purged_daily(**options: Any) -> dict[str, int]:
    return {rule.name: removed for rule, removed in retention.purge_daily(**options)}


def test_daily_purge_continues_from_its_last_day(jobs: dict[str, VideoJob], settings: Any) -> None:
    settings.PURGE_MOCK_DAYS = 0
    first = purged_daily()
    for job in jobs.values():
        job.log("A line of later.")
        VideoJob.objects.filter(pk=job.pk).update(provider_reply="of later")
    age(jobs["fresh mock"], 200, "completed_at")
    marks = TaskState.objects.get(name="purge").state
    TaskState.objects.update(
        state={name: (timezone.now() - timedelta(days=300)).isoformat() for name in marks}  # ended a hundred days ago
    )

    second = purged_daily()
    third = purged_daily()
    by_hand = run("--yes", "--mock-days", "0")

    assert set(marks) == {"log", "reply"}
    assert (first["log"], first["reply"]) == (3, 2)
    assert (second["log"], second["reply"]) == (2, 1)  # of the one that ended since
    assert (third["log"], third["reply"]) == (0, 0)
    assert (by_hand["log"], by_hand["reply"]) == (3, 3)  # the command checks all jobs


def test_next_daily_purge_removes_what_grew_old_during_the_last_one(jobs: dict[str, VideoJob], settings: Any) -> None:
    settings.PURGE_MOCK_DAYS = 0

    # a first run after an upgrade takes hours
    first = purged_daily(check_stopped=lambda: age(jobs["fresh mock"], 180, "completed_at"))
    second = purged_daily()

    assert (first["log"], second["log"], first["reply"], second["reply"]) == (3, 1, 2, 1)


def test_mark_of_the_daily_purge_never_moves_back(jobs: dict[str, VideoJob], settings: Any) -> None:
    list(retention.purge_daily())
    marks = TaskState.objects.get(name="purge").state
    settings.PURGE_MOCK_DAYS = settings.PURGE_LOG_DAYS = settings.PURGE_REPLY_DAYS = 1000

    list(retention.purge_daily())

    assert TaskState.objects.get(name="purge").state == marks


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize(("kind", "daily"), [("production", "True"), ("development", "False")])
def test_production_purges_daily(tmp_path: Path, kind: str, daily: str) -> None:
    secrets = {"SECRET_KEY": "s" * 64, "JWT_SIGNING_KEY": "j" * 64, "ALLOWED_HOSTS": "studio.example.com"}
    names = ("PURGE_DAILY", "PURGE_MOCK_DAYS", "PURGE_LOG_DAYS", "PURGE_REPLY_DAYS")
    code = f"from studio import settings; print(*(getattr(settings, name) for name in {names}))"
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "ENVIRONMENT": kind, **secrets}

    output = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env=environment, capture_output=True, text=True, check=True
    )

    assert output.stdout == f"{daily} 30 180 180\n"


def test_postgresql_vacuums_growing_tables_sooner() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("of PostgreSQL")
    growth = importlib.import_module("videos.migrations.0020_growth")
    found = []
    with connection.cursor() as cursor:
        for change in (None, growth.tidy_as_ever, growth.tidy_sooner):
            if change:
                with connection.schema_editor() as editor:
                    change(None, editor)
            cursor.execute("SELECT reloptions FROM pg_class WHERE relname = 'videos_joblog'")
            found.append(cursor.fetchone()[0])
    wanted = [f"autovacuum_{what}_scale_factor={share}" for what, share in growth.AUTOVACUUM["videos_joblog"].items()]

    assert found == [wanted, None, wanted]
