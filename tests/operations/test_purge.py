"""`manage.py purge`: the rows it removes and keeps, and interruptions."""

import importlib
import io
import json
import os
import subprocess
import sys
import threading
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from auditlog.models import LogEntry as AuditEntry
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken

from accounts.models import AccountTask, ApiKey, LedgerEntry, SignIn
from accounts.models import Session as ApiSession
from accounts.sign_in import api_keys
from looks import links
from looks.models import Look, LookLink
from operations import retention
from operations.housekeeping import Stopped, run_housekeeping
from studio.env import PROJECT
from studio.models import Disposal, TaskState
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob
from videos.models import Event, EventsExpired, JobInput, JobLog, SpentKey, VideoJob, WebhookDelivery, events
from videos.phases import Phase
from videos.webhooks import endpoints

pytestmark = pytest.mark.django_db


def run(*args: str) -> dict[str, int]:
    """The number of rows of each kind."""
    out = io.StringIO()
    call_command("purge", "--json", *args, stdout=out)
    return {found["what"]: found["count"] for found in json.loads(out.getvalue())["found"]}


def age(row: Any, days: int, *fields: str) -> None:
    then = timezone.now() - timedelta(days=days)
    type(row)._default_manager.filter(pk=row.pk).update(**dict.fromkeys(fields, then))


@pytest.fixture
def jobs(make_user: MakeUser, make_job: MakeJob) -> dict[str, VideoJob]:
    """Jobs of every kind with a log line each; all but the fresh one are a year old."""
    ann = make_user()
    real = {"mock_mode": False, "provider": "google_veo"}
    made = {
        "mock": make_job(ann, phase=Phase.SUCCEEDED, poster="videos/poster.jpg"),
        "failed mock": make_job(ann, phase=Phase.FAILED, provider_reply="no"),
        "fresh mock": make_job(ann, phase=Phase.FAILED, provider_reply="fresh"),
        "live mock": make_job(ann, phase=Phase.GENERATING),
        "real": make_job(ann, phase=Phase.FAILED, provider_reply="no", **real),
    }
    for name, job in made.items():
        job.log("A line.")
        if name != "fresh mock":
            age(job, 365, *(["created_at"] if name == "live mock" else ["created_at", "completed_at"]))
    return made


def left(jobs: dict[str, VideoJob]) -> set[str]:
    ids = set(VideoJob.objects.values_list("pk", flat=True))
    return {name for name, job in jobs.items() if job.pk in ids}


def test_dry_run_counts_and_removes_nothing(jobs: dict[str, VideoJob]) -> None:
    found = run()
    out = io.StringIO()
    call_command("purge", stdout=out)

    assert found == dict.fromkeys(found, 0) | {"mock": 2, "log": 3, "reply": 2}
    kinds = [
        "mock",
        "log",
        "reply",
        "sign-in",
        "audit",
        "input",
        "key",
        "webhook",
        "event",
        "export",
        "task",
        "expired",
    ]
    assert list(found) == kinds
    assert "        2  finished mock videos, older than 30 days\n" in out.getvalue()
    assert out.getvalue().endswith("Nothing was removed; add --yes to remove it.\n")
    assert (left(jobs), JobLog.objects.count()) == (set(jobs), 5)


def test_old_mock_videos_and_lines_are_removed(jobs: dict[str, VideoJob]) -> None:
    ledger = list(LedgerEntry.objects.values_list("pk", flat=True))

    found = run("--yes")

    assert (found["mock"], found["log"]) == (2, 1)
    assert left(jobs) == {"fresh mock", "live mock", "real"}
    assert set(JobLog.objects.values_list("job_id", flat=True)) == {jobs["fresh mock"].pk, jobs["live mock"].pk}
    assert set(Disposal.objects.values_list("name", flat=True)) == {jobs["mock"].video.name, "videos/poster.jpg"}
    assert list(LedgerEntry.objects.values_list("pk", flat=True)) == ledger
    assert run("--yes") == {
        "mock": 0,
        "log": 0,
        "reply": 0,
        "sign-in": 0,
        "audit": 0,
        "input": 0,
        "key": 0,
        "webhook": 0,
        "event": 0,
        "export": 0,
        "task": 0,
        "expired": 0,
    }


def test_ended_account_tasks_go_after_a_month_and_the_content_of_exports_after_a_day() -> None:
    made = {}
    for name, days, fields in (
        ("old", 31, {"finished_at": timezone.now() - timedelta(days=31), "content": b"zip"}),
        ("given up", 31, {"failed_at": timezone.now() - timedelta(days=31)}),
        ("unfinished", 31, {}),
        ("export", 2, {"finished_at": timezone.now() - timedelta(days=2), "content": b"zip"}),
        ("new export", 0, {"finished_at": timezone.now(), "content": b"zip"}),
    ):
        made[name] = AccountTask.objects.create(kind="export", due_at=timezone.now(), **fields)
        age(made[name], days, "created_at")

    found = run("--yes")

    rows = {row.pk: bytes(row.content or b"") for row in AccountTask.objects.all()}
    assert (found["task"], found["export"]) == (2, 2)
    assert {name: rows.get(task.pk) for name, task in made.items()} == {
        "old": None,
        "given up": None,
        "unfinished": b"",
        "export": b"",
        "new export": b"zip",
    }


def test_job_keeps_what_a_refund_dispute_needs(jobs: dict[str, VideoJob]) -> None:
    job = jobs["real"]
    VideoJob.objects.filter(pk=job.pk).update(operation="operations/1", tokens_refunded=50, started_at=timezone.now())
    before = VideoJob.objects.filter(pk=job.pk).values().get()

    run("--yes")

    after = VideoJob.objects.filter(pk=job.pk).values().get()
    assert {name: value for name, value in before.items() if after[name] != value}.keys() == {
        "provider_reply",
        "updated_at",
    }
    assert (after["provider_reply"], JobLog.objects.filter(job=job).exists()) == ("", False)
    assert VideoJob.objects.get(pk=jobs["fresh mock"].pk).provider_reply == "fresh"


def test_paid_videos_are_removed_only_on_request(jobs: dict[str, VideoJob]) -> None:
    found = run("--yes", "--real-days", "300", "--mock-days", "0", "--log-days", "0")

    assert ("mock" in found, "log" in found, found["real"]) == (False, False, 1)
    assert left(jobs) == set(jobs) - {"real"}


def test_old_records_are_removed(make_user: MakeUser, make_job: MakeJob) -> None:
    ann = make_user()
    AuditEntry.objects.all().delete()
    job = make_job(ann, phase=Phase.FAILED, input_count=1)
    age(job, 40, "created_at", "completed_at")
    JobInput.objects.create(job=job, role="first_frame", file_name="inputs/1.png")
    for days in (1, 1000):
        age(SignIn.objects.create(user=ann, channel="api", succeeded=True), days, "created_at")
        entry = AuditEntry.objects.create(
            content_type_id=1, object_pk=str(ann.pk), object_repr="x", action=AuditEntry.Action.UPDATE
        )
        age(entry, days, "timestamp")
        SpentKey.objects.create(owner=ann, key=f"k{days}", used_at=timezone.now() - timedelta(days=days - 0.5))
        Session.objects.create(session_key=f"s{days}", expire_date=timezone.now() + timedelta(days=500 - days))
        RefreshToken.for_user(ann)
        expires_at = timezone.now() + timedelta(days=500 - days)
        ApiSession.objects.create(user=ann, refresh_id=uuid4(), refreshed_at=timezone.now(), expires_at=expires_at)
    OutstandingToken.objects.filter(pk=OutstandingToken.objects.order_by("pk").first().pk).update(  # type: ignore[union-attr]
        expires_at=timezone.now() - timedelta(days=1)
    )

    counted = run("--mock-days", "0")
    removed = run("--yes", "--mock-days", "0")

    removable = {"sign-in": 1, "audit": 1, "input": 1, "key": 1, "expired": 3}
    assert counted == removed == {"log": 0, "reply": 0, "webhook": 0, "event": 0, "export": 0, "task": 0} | removable
    tables = (SignIn, AuditEntry, SpentKey, Session, ApiSession, OutstandingToken, JobInput)
    assert [model.objects.count() for model in tables] == [1, 1, 1, 1, 1, 1, 0]


def test_links_of_looks_that_ended_long_ago_are_removed(make_user: MakeUser) -> None:
    look = Look.objects.create(owner=make_user(), title="A look")
    kept = []
    for column, days, is_kept in (("revoked_at", 181, False), ("expires_at", 181, False), ("revoked_at", 1, True)):
        link = links.create(look_id=look.pk, user=look.owner)
        age(link, 400, "created_at")
        age(link, days, column)
        kept += [link.pk] if is_kept else []
    kept.append(links.create(look_id=look.pk, user=look.owner).pk)

    removed = run("--yes")

    assert removed["sign-in"] == 2
    assert set(LookLink.objects.values_list("pk", flat=True)) == set(kept)


def test_api_keys_that_ended_long_ago_are_removed(make_user: MakeUser) -> None:
    ann = make_user()
    for name, ends in {
        "revoked": {"revoked_at": 181},
        "expired": {"expires_at": 181},
        "lately": {"revoked_at": 1},
    }.items():
        key, _ = api_keys.create(user=ann, name=name, scopes=["looks:read"])
        age(key, 400, "created_at")
        for column, days in ends.items():
            age(key, days, column)
    api_keys.create(user=ann, name="usable", scopes=["looks:read"])

    removed = run("--yes")

    assert removed["sign-in"] == 2
    assert set(ApiKey.objects.values_list("name", flat=True)) == {"lately", "usable"}


def test_ended_messages_to_webhooks_are_kept_for_a_week(make_user: MakeUser) -> None:
    endpoint = endpoints.create(
        owner=make_user(), url="https://hooks.example.com/", kinds=[], origin="http://testserver"
    )
    for number, (state, days) in enumerate((("delivered", 8), ("failed", 8), ("delivered", 6), ("pending", 8))):
        due_at = timezone.now() if state == "pending" else None
        row = WebhookDelivery.objects.create(
            endpoint=endpoint, number=number, kind="job.updated", body="{}", state=state, due_at=due_at
        )
        age(row, days, "created_at")

    assert (run()["webhook"], run("--yes")["webhook"], run("--webhook-days", "5")["webhook"]) == (2, 2, 1)
    assert set(WebhookDelivery.objects.values_list("number", flat=True)) == {2, 3}


def test_events_are_kept_for_a_day(make_user: MakeUser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    ann = make_user()
    events.record(Event.Kind.UPDATED, [(ann.pk, uuid.uuid4()) for _ in range(5)])
    Event.objects.filter(number__lte=3).update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    Event.objects.filter(number=4).update(created_at=timezone.now() - timedelta(hours=23))

    assert (run()["event"], run("--yes")["event"], run()["event"]) == (3, 3, 0)
    assert [event.number for event in events.read(owner_id=ann.pk, after=3, limit=100)] == [4, 5]
    with pytest.raises(EventsExpired):
        events.read(owner_id=ann.pk, after=2, limit=100)


def test_it_works_in_batches_and_can_be_interrupted(
    make_user: MakeUser, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    ann = make_user()
    for _ in range(5):
        age(make_job(ann, phase=Phase.FAILED), 365, "created_at", "completed_at")
    calls: list[int] = []

    def check_stopped() -> None:
        calls.append(VideoJob.objects.count())
        if len(calls) == 5:
            raise Stopped

    with pytest.raises(Stopped):
        list(retention.purge(days=retention.default_days(), check_stopped=check_stopped))

    assert (calls, VideoJob.objects.count()) == ([5, 5, 4, 3, 3], 3)
    assert run("--yes")["mock"] == 3


def test_ctrl_c_is_one_sentence(jobs: dict[str, VideoJob], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**kwargs: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(retention.deletion, "delete", interrupted)

    with pytest.raises(CommandError, match="Stopped; run it again to remove the rest"):
        run("--yes")


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


def test_job_that_was_resumed_meanwhile_keeps_its_reply(
    jobs: dict[str, VideoJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    def resumed() -> None:
        VideoJob.objects.filter(pk=jobs["real"].pk).update(
            phase=Phase.QUEUED, completed_at=None, error_code="", slot=3, due_at=timezone.now()
        )

    rule = next(rule for rule in retention.rules(days=retention.default_days()) if rule.name == "reply")

    assert rule.remove(retention.span(rule), resumed) == 1
    assert VideoJob.objects.get(pk=jobs["real"].pk).provider_reply == "no"


@pytest.mark.parametrize("value", ["-1", "many", "36501"])
def test_invalid_days_are_refused(value: str) -> None:
    with pytest.raises(CommandError, match="is not a whole number of days from 0 to 36,500"):
        call_command("purge", f"--mock-days={value}")


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
