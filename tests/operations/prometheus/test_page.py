"""`/metrics` as a whole: its token, its documents, and a part that is unavailable."""

import re
from typing import Any

import pytest
from django.test import Client

from operations import prometheus
from studio.env import PROJECT
from studio.observability import counters
from tests.operations.prometheus.conftest import page

pytestmark = pytest.mark.django_db


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


@pytest.mark.parametrize(
    ("token", "given", "expected"), [("", "Bearer x", 404), ("token", "", 401), ("token", "Bearer töken", 401)]
)
def test_metrics_need_the_token(client: Client, settings: Any, token: str, given: str, expected: int) -> None:
    settings.METRICS_TOKEN = token

    assert client.get("/metrics", headers={"Authorization": given}).status_code == expected
