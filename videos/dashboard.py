"""The first page of the back office: how the making of videos goes, in figures that a million old jobs do not slow.

Each figure is bounded by date or by what is live, and has an index; days are UTC days.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Min, Q, Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import LedgerEntry
from studio import examinations, health
from videos.models import Upstream, VideoJob
from videos.phases import LIVE, Phase

CHART_DAYS = 30
DURATIONS_MOST = 1000  # the newest videos of the day that the median is taken of
TOP_FAILURES = 5


@dataclass(frozen=True)
class PhaseNow:
    """The live jobs of one phase."""

    phase: Phase
    count: int
    oldest: datetime | None


@dataclass(frozen=True)
class Today:
    """What has come to an end since midnight."""

    made: int
    failed: int
    unknown: int
    failures: list[tuple[str, int]]
    dollars: Decimal
    median_seconds: float | None
    p95_seconds: float | None
    tokens_charged: int
    tokens_refunded: int


def show(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What unfold calls for the index page; the figures are for those who may see video jobs."""
    if not request.user.has_perm("videos.view_videojob"):
        return context
    now = timezone.now()
    phases, days, sweeper = _phases_now(), _days(now), examinations.sweeper()
    dashboard = {
        "now": now,
        "phases": phases,
        "live": sum(row.count for row in phases),
        "oldest_waiting": phases[0].oldest,
        "today": _today(now),
        "days": days,
        "chart": json.dumps(_chart(days)),
        "chart_options": json.dumps(CHART_OPTIONS),
        "sweeper": sweeper,
        "sweeper_is_alive": sweeper.health == health.Health.OK,
    }
    return context | {"title": "Dashboard", "dashboard": dashboard}


def _phases_now() -> list[PhaseNow]:
    """Every live phase in the order of a job's life, QUEUED first."""
    live = VideoJob.objects.filter(due_at__isnull=False).order_by()  # said so that the index of live rows serves it
    rows = {row[0]: row for row in live.values_list("phase").annotate(Count("id"), Min("created_at"))}
    phases = [phase for phase in Phase if phase in LIVE]
    return [PhaseNow(phase, *rows.get(phase, (phase, 0, None))[1:]) for phase in phases]


def _today(now: datetime) -> Today:
    midnight = datetime.combine(now.date(), time(), UTC)
    finished = VideoJob.objects.filter(completed_at__gte=midnight).order_by()
    groups = list(
        finished.values("phase", "error_code", "model", "provider", "upstream_model", "mock_mode").annotate(
            jobs=Count("id"),
            # what the provider has made it is paid for, whether or not we could store it
            seconds=Sum("duration_seconds", filter=Q(generated_at__isnull=False), default=0),
        )
    )
    failures: Counter[str] = Counter()
    for group in groups:
        if group["phase"] == Phase.FAILED:
            failures[group["error_code"]] += group["jobs"]
    times = finished.filter(phase=Phase.SUCCEEDED).order_by("-completed_at").values_list("created_at", "completed_at")
    durations = sorted((end - start).total_seconds() for start, end in times[:DURATIONS_MOST] if end)
    entries = LedgerEntry.objects.filter(created_at__gte=midnight, kind__in=("charge", "refund")).order_by()
    tokens = dict(entries.values_list("kind").annotate(Sum("amount")))
    return Today(
        made=sum(group["jobs"] for group in groups if group["phase"] == Phase.SUCCEEDED),
        failed=failures.total(),
        unknown=failures["submission_unknown"],
        failures=failures.most_common(TOP_FAILURES),
        dollars=_dollars(groups),
        median_seconds=_share(durations, 0.5),
        p95_seconds=_share(durations, 0.95),
        tokens_charged=-tokens.get("charge", 0),
        tokens_refunded=tokens.get("refund", 0),
    )


def _dollars(groups: Sequence[Mapping[str, Any]]) -> Decimal:
    """What the providers ask for these groups of jobs, by the catalogue's prices; mock videos cost nothing."""
    rows = Upstream.objects.values_list("model__name", "provider", "upstream_model", "price_per_second")
    prices = {(name, provider, model): price for name, provider, model, price in rows}
    return sum(
        (
            prices.get((group["model"], group["provider"], group["upstream_model"]), Decimal()) * group["seconds"]
            for group in groups
            if not group["mock_mode"]
        ),
        Decimal(),
    )


def _share(ordered: Sequence[float], share: float) -> float | None:
    """The value that this share of the others does not exceed."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else None


def _days(now: datetime) -> list[tuple[date, int, int]]:
    """Each of the last days with how many videos were made and how many failed, the oldest first."""
    first = now.date() - timedelta(days=CHART_DAYS - 1)
    finished = VideoJob.objects.filter(completed_at__gte=datetime.combine(first, time(), UTC)).order_by()
    counts = {
        (day, phase): jobs
        for day, phase, jobs in finished.values_list(TruncDate("completed_at", tzinfo=UTC), "phase").annotate(
            Count("id")
        )
    }
    days = [first + timedelta(days=number) for number in range(CHART_DAYS)]
    return [(day, counts.get((day, Phase.SUCCEEDED), 0), counts.get((day, Phase.FAILED), 0)) for day in days]


CHART_OPTIONS = {
    "responsive": True,
    "maintainAspectRatio": False,
    "scales": {"x": {"stacked": True, "grid": {"display": False}}, "y": {"stacked": True, "ticks": {"precision": 0}}},
    "plugins": {"legend": {"display": True, "position": "bottom"}},
}


def _chart(days: Sequence[tuple[date, int, int]]) -> dict[str, Any]:
    """In the words of Chart.js, which unfold brings along."""
    return {
        "labels": [f"{day:%-d %b}" for day, _, _ in days],
        "datasets": [
            {"label": "Made", "data": [made for _, made, _ in days], "backgroundColor": "var(--color-primary-600)"},
            {"label": "Failed", "data": [failed for _, _, failed in days], "backgroundColor": "var(--color-base-400)"},
        ],
    }
