"""`/metrics`: gauges from the tables, and counters from the processes."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import ledger
from accounts.models import AccountTask, User
from operations import prometheus
from operations.reconciliation import runs
from operations.reconciliation.mismatches import KINDS, Mismatch
from studio.env import PROJECT
from studio.http.request_metrics import REQUESTS, RESPONSES
from studio.models import Disposal, Heartbeat, TaskState
from studio.observability import counters
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob
from videos.engine import metrics, sweeper
from videos.failures import FAILURES
from videos.models import VideoJob, WebhookDelivery, WebhookEndpoint, from_now
from videos.phases import Phase
from videos.providers.base import Finished, NotAccepted, OutcomeUnknown, Progress, Refused, Unreachable
from videos.webhooks import endpoints

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _empty_counters(settings: Any) -> None:
    settings.METRICS_TOKEN = "metrics-token"
    counters.flush()
    with counters.connect() as client:
        client.delete(counters.SUMS)


def page(client: Client) -> dict[str, float]:
    counters.flush()
    text = client.get("/metrics", headers={"Authorization": "Bearer metrics-token"}).content.decode()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line[0] != "#"}


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


def test_steps_of_a_job_are_counted(client: Client, make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), provider="google_veo", mock_mode=False)

    for outcome in (None, NotAccepted("busy"), Refused("no"), OutcomeUnknown("lost")):
        metrics.count_submit(job, outcome)
    for seen in (Progress(), Progress(), Finished("x"), Refused("filtered", code="content_filtered"), Unreachable("?")):
        metrics.count_poll(job, seen)
    metrics.TRANSFERS.observe(1.5, "stored")
    metrics.TRANSFERS.observe(9999, "stored")

    found = {name: value for name, value in page(client).items() if value and "studio_http" not in name}
    veo = 'provider="google_veo"'
    assert {name: value for name, value in found.items() if "submits" in name or "polls" in name} == {
        f'studio_submits_total{{outcome="accepted",{veo}}}': 1,
        f'studio_submits_total{{outcome="not_accepted",{veo}}}': 1,
        f'studio_submits_total{{outcome="refused",{veo}}}': 1,
        f'studio_submits_total{{outcome="unknown",{veo}}}': 1,
        f'studio_polls_total{{outcome="progress",{veo}}}': 2,
        f'studio_polls_total{{outcome="finished",{veo}}}': 1,
        f'studio_polls_total{{outcome="refused",{veo}}}': 1,
        f'studio_polls_total{{outcome="unreachable",{veo}}}': 1,
    }
    assert {name: value for name, value in found.items() if "provider_errors" in name} == {
        f'studio_provider_errors_total{{code="{code}",error="{error}",{veo},step="{step}"}}': 1
        for code, error, step in (
            ("provider_busy", "NotAccepted", "submit"),
            ("provider_refused", "Refused", "submit"),
            ("submission_unknown", "OutcomeUnknown", "submit"),
            ("content_filtered", "Refused", "poll"),
            ("result_expired", "Unreachable", "poll"),
        )
    }
    transfers = {name: value for name, value in found.items() if "transfer_seconds" in name}
    buckets = {
        bound: transfers.get(f'studio_transfer_seconds_bucket{{le="{bound}",outcome="stored"}}', 0)
        for bound in ("1", "2", "600", "+Inf")
    }
    assert buckets == {"1": 0, "2": 1, "600": 1, "+Inf": 2}
    assert transfers['studio_transfer_seconds_count{outcome="stored"}'] == 2
    assert transfers['studio_transfer_seconds_sum{outcome="stored"}'] == 10000.5


def test_money_is_counted_when_it_is_committed(
    client: Client, make_user: MakeUser, make_job: MakeJob, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        ann = make_user(tokens=1000)
        job = make_job(ann, provider="google_veo", upstream_model="veo-3.1-generate-preview", duration_seconds=8)
        ledger.charge(account=ledger.lock_account(user_id=ann.pk), job_id=job.pk, tokens=50)
        ledger.refund(user_id=ann.pk, job_id=job.pk, note="test")
        ledger.refund(user_id=ann.pk, job_id=job.pk, note="a repeat")
        ledger.grant(user=ann, tokens=7, note="test")
        metrics.count_cost(job)
        metrics.count_cost(
            VideoJob(generated_at=timezone.now(), model=job.model, provider=job.provider)
        )  # counted then
        metrics.count_end(Phase.FAILED, "generation_failed")

    found = page(client)

    assert {name: value for name, value in found.items() if "studio_tokens" in name} == {
        'studio_tokens_total{kind="signup"}': 1000,
        'studio_tokens_total{kind="charge"}': 50,
        'studio_tokens_total{kind="refund"}': 50,
        'studio_tokens_total{kind="grant"}': 7,
        'studio_tokens_total{kind="adjustment"}': 0,
        'studio_tokens_total{kind="opening"}': 0,
    }
    dollars = found['studio_provider_dollars_total{model="veo-3.1-generate-preview",provider="google_veo"}']
    assert dollars == pytest.approx(8 * 0.4)
    assert found['studio_jobs_finished_total{code="generation_failed",phase="failed"}'] == 1


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


def test_first_event_of_every_counter_is_an_increase(client: Client) -> None:
    page(client)  # counts itself, so that the histogram of routes has a line
    with counters.connect() as redis:
        redis.delete(counters.SUMS)  # as a Redis that starts again, empty

    found = page(client)

    values: dict[str, list[float]] = {}
    for name, value in found.items():
        values.setdefault(re.sub("_(bucket|sum|count)$", "", name.partition("{")[0]), []).append(value)
    counted = [measure for measure in counters.metrics() if measure is not REQUESTS]
    assert [measure.name for measure in counted if not values.get(measure.name)] == []
    assert {value for measure in counted if measure is not RESPONSES for value in values[measure.name]} == {0}
    assert len(found) < 1000


def test_errors_of_adapters_are_shown_from_the_start() -> None:
    raised = set()
    for path in (PROJECT / "videos" / "providers").glob("*.py"):
        raised |= set(re.findall(r"\b([A-Z]\w+)\([^()]*(?:\([^()]*\)[^()]*)*code=\"(\w+)\"", path.read_text()))

    known = {(kind, code) for kinds in metrics.ERRORS.values() for kind, codes in kinds.items() for code in codes}
    assert raised - known == set()
    assert {code for _, code in known} - set(FAILURES) == set()


def test_unavailable_part_hides_nothing_else(client: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    found = page(client)

    assert found['studio_up{part="redis"}'] == 0
    assert found['studio_up{part="database"}'] == 1
    assert 'studio_jobs_live{phase="queued"}' in found
    assert not any("_total" in name for name in found)


def test_every_metric_is_in_the_document(client: Client) -> None:
    rows = re.findall(r"^\| `(studio_\w+)` \| (\w+) \|([^|]*)\|", (PROJECT / "docs" / "metrics.md").read_text(), re.M)

    page(client)  # a first request loads whatever counts
    documented = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}

    assert documented == {
        **{name: ("gauge", set(labels)) for name, labels in prometheus.GAUGES.items()},
        **{
            measure.name: ("histogram" if measure.buckets else "counter", set(measure.labels))
            for measure in counters.metrics()
        },
    }


def test_alerts_in_the_docs_name_existing_metrics(client: Client) -> None:
    page(client)  # a first request loads whatever counts
    known = {*prometheus.GAUGES, *(measure.name for measure in counters.metrics())}

    named = set(re.findall(r"\bstudio_\w+", (PROJECT / "docs" / "metrics.md").read_text()))

    assert {re.sub("_(bucket|sum|count)$", "", name) for name in named} - known == set()


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


@pytest.mark.parametrize(
    ("token", "given", "expected"), [("", "Bearer x", 404), ("token", "", 401), ("token", "Bearer töken", 401)]
)
def test_metrics_need_the_token(client: Client, settings: Any, token: str, given: str, expected: int) -> None:
    settings.METRICS_TOKEN = token

    assert client.get("/metrics", headers={"Authorization": given}).status_code == expected
