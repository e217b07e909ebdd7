"""Counters that are empty, and the page with its values by name."""

from typing import Any

import pytest
from django.test import Client

from studio.observability import counters


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
