"""`/metrics`: counters from the processes."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import ledger
from studio.env import PROJECT
from studio.http.request_metrics import REQUESTS, RESPONSES
from studio.observability import counters
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob
from tests.operations.prometheus.conftest import page
from videos.engine import metrics
from videos.failures import FAILURES
from videos.models import VideoJob
from videos.phases import Phase
from videos.providers.base import Finished, NotAccepted, OutcomeUnknown, Progress, Refused, Unreachable

pytestmark = pytest.mark.django_db


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
