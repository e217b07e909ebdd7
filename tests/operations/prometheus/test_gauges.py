"""`/metrics`: gauges from the tables."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import AccountTask, User
from operations import prometheus
from operations.reconciliation import runs
from operations.reconciliation.mismatches import KINDS, Mismatch
from studio.models import Disposal, Heartbeat, TaskState
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob
from tests.operations.prometheus.conftest import page
from videos.engine import sweeper
from videos.models import VideoJob, WebhookDelivery, WebhookEndpoint, from_now
from videos.phases import Phase
from videos.webhooks import endpoints

pytestmark = pytest.mark.django_db


def _make_webhooks(owner: User) -> None:
    """One that accepts messages, one that fails, and one that is disabled; a message for each, and a later one."""
    good, failing, disabled = (
        endpoints.create(owner=owner, url="https://hooks.example.com/", kinds=[], origin="https://studio.example.com")
        for _ in range(3)
    )
    now = timezone.now()
    for endpoint, ago in ((good, 25), (failing, 500), (good, -500)):
        message = endpoints.send_test(endpoint=endpoint)
        WebhookDelivery.objects.filter(pk=message.pk).update(due_at=now - timedelta(seconds=ago))
    WebhookEndpoint.objects.filter(pk=failing.pk).update(failing_since=now)
    endpoints.disable(endpoint_id=disabled.pk, reason=WebhookEndpoint.Reason.OWNER)


def test_gauges_show_the_tables(client: Client, make_user: MakeUser, make_job: MakeJob, rq_hints: Any) -> None:
    empty = page(client)
    sweeper.beat()
    ann = make_user()
    for phase, fields in (
        (Phase.QUEUED, {"due_at": from_now(-60)}),
        (Phase.GENERATING, {"due_at": from_now(60)}),
        (Phase.GENERATING, {"due_at": from_now(60)}),
        (Phase.FAILED, {"error_code": "submission_unknown"}),
    ):
        make_job(ann, phase=phase, **fields)
    long_ago = timezone.now() - timedelta(minutes=11)
    make_job(make_user("ben@example.com"), phase=Phase.STORING, generated_at=long_ago, attempts=1)
    AccountTask.objects.bulk_create(
        AccountTask(kind="reset_password", due_at=timezone.now() - timedelta(seconds=70), **fields)
        for fields in (
            {},
            {"attempts": 5},
            {"attempts": 30, "failed_at": timezone.now()},
            {"attempts": 1, "failed_at": timezone.now()},  # a refused recipient
            {"attempts": 9, "finished_at": timezone.now()},
        )
    )
    VideoJob.objects.filter(phase=Phase.GENERATING).update(started_at=timezone.now() - timedelta(seconds=30))
    VideoJob.objects.filter(phase=Phase.QUEUED).update(created_at=timezone.now() - timedelta(seconds=100))
    VideoJob.objects.filter(phase=Phase.STORING).update(lease_until=from_now(-40))  # its worker has died
    make_job(make_user("cy@example.com"), phase=Phase.QUEUED, lease_until=from_now(300), due_at=from_now(300))
    for name, due_at in (("a", timezone.now() - timedelta(seconds=50)), ("b", timezone.now() + timedelta(hours=1))):
        Disposal.objects.create(name=name, due_at=due_at)
    Disposal.objects.create(name="c", due_at=timezone.now() + timedelta(hours=1), attempts=3)

    _make_webhooks(ann)

    full = {
        name: value for name, value in page(client).items() if re.match(rf"({'|'.join(prometheus.GAUGES)})\b", name)
    }

    assert (empty["studio_jobs_oldest_live_seconds"], empty["studio_sweeper_heartbeat_seconds"]) == (0, float("inf"))
    ages = {name: full.pop(name) for name in list(full) if "seconds" in name}
    bytes_of = {name.partition("{")[0]: full.pop(name) for name in list(full) if "bytes" in name}
    assert set(bytes_of) == {"studio_disk_free_bytes", "studio_database_bytes"}
    assert full == {
        'studio_jobs_live{phase="generating"}': 2,
        'studio_jobs_live{phase="queued"}': 2,
        'studio_jobs_live{phase="storing"}': 1,
        'studio_jobs_live{phase="submitting"}': 0,
        "studio_jobs_lost_answers": 1,
        "studio_upstreams_suspended": 0,
        **{f'studio_mismatches{{kind="{kind}"}}': 0 for kind in KINDS},
        "studio_transfers_late": 1,
        "studio_disposals_pending": 3,
        "studio_disposals_failing": 1,
        "studio_account_tasks_failing": 2,
        'studio_queue_hints{queue="submit"}': 0,
        'studio_queue_hints{queue="media"}': 0,
        'studio_queue_hints{queue="webhooks"}': 0,
        'studio_webhooks{state="disabled"}': 1,
        'studio_webhooks{state="failing"}': 1,
        'studio_webhooks{state="messages pending"}': 3,
        'studio_up{part="database"}': 1,
        'studio_up{part="redis"}': 1,
    }
    assert {name: pytest.approx(age, abs=20) for name, age in ages.items()} == {
        "studio_jobs_oldest_live_seconds": 100,
        'studio_jobs_oldest_seconds{phase="generating"}': 30,
        'studio_jobs_oldest_seconds{phase="queued"}': 100,
        'studio_jobs_oldest_seconds{phase="storing"}': 660,
        'studio_jobs_oldest_seconds{phase="submitting"}': 0,
        'studio_jobs_overdue_seconds{phase="generating"}': 0,
        'studio_jobs_overdue_seconds{phase="queued"}': 60,
        'studio_jobs_overdue_seconds{phase="storing"}': 0,
        'studio_jobs_overdue_seconds{phase="submitting"}': 0,
        'studio_jobs_waiting_seconds{phase="queued"}': 100,
        'studio_jobs_waiting_seconds{phase="storing"}': 40,
        "studio_sweeper_heartbeat_seconds": 0,
        "studio_disposals_overdue_seconds": 50,
        "studio_account_tasks_overdue_seconds": 70,
        "studio_webhooks_overdue_seconds": 25,
        "studio_reconciliation_age_seconds": 0,
    }


def test_heartbeat_of_the_live_process_is_shown_where_one_has_run(client: Client) -> None:
    never = page(client)
    Heartbeat.objects.create(name="live", beat_at=timezone.now() - timedelta(seconds=90))
    dead = page(client)

    assert "studio_live_heartbeat_seconds" not in never
    assert dead["studio_live_heartbeat_seconds"] == pytest.approx(90, abs=60)


def test_mismatches_and_an_overdue_reconciliation_are_shown(client: Client) -> None:
    run = runs.claim()
    assert run
    run.note(Mismatch("balance", "The balance is wrong."))
    run.save("balances", is_done=False)
    TaskState.objects.update(created_at=timezone.now() - timedelta(days=3))

    begun = page(client)
    run.finish()
    finished = page(client)

    mismatches = 'studio_mismatches{kind="balance"}'
    age = "studio_reconciliation_age_seconds"
    assert (begun[mismatches], begun[age]) == (1, pytest.approx(3 * 86400, abs=60))
    assert (finished[mismatches], finished[age]) == (1, pytest.approx(0, abs=60))


@pytest.mark.skipif(connection.vendor != "postgresql", reason="reads query plans of PostgreSQL")
def test_gauges_use_indexes(db: None) -> None:
    plans = []
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # a small table would be read whole; a large one must not be
        for find in (
            *(
                prometheus._live,
                prometheus._oldest_live,
                prometheus._oldest_in_phase,
                prometheus._overdue,
                prometheus._waiting,
            ),
            prometheus.lost_responses,
        ):
            with connection.execute_wrapper(
                lambda run, sql, params, many, context: plans.append((sql, params)) or run(sql, params, many, context)
            ):
                find()
        explained = []
        for sql, params in plans:
            cursor.execute(f"EXPLAIN {sql}", params)
            explained.append("\n".join(row[0] for row in cursor.fetchall()))

    assert len(explained) == 9
    assert [plan for plan in explained if "Seq Scan" in plan] == []
