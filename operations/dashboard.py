"""The first page of the back office: figures about video jobs.

Every query is bounded by date or to live jobs, and has an index, so a million old jobs do not slow it. Days are UTC
days.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from django.db.models import Count, Min, TextChoices
from django.http import HttpRequest
from django.utils import timezone

from operations import health_checks, video_health_checks
from operations.statistics import Figures, days, figures
from studio.observability import health
from videos import retirements
from videos.models import VideoJob
from videos.phases import LIVE, Phase
from videos.providers import registry

CHART_DAYS = 30


class Kind(TextChoices):
    """The videos that the figures cover; the query parameter `videos`."""

    REAL = "real", "Real"
    MOCK = "mock", "Mock"
    ALL = "all", "All"


MOCK = {Kind.REAL: False, Kind.MOCK: True, Kind.ALL: None}


@dataclass(frozen=True)
class PhaseNow:
    """The live jobs of one phase."""

    phase: Phase
    count: int
    oldest: datetime | None


def show(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Called by unfold for the index page; figures for users who may view video jobs."""
    if not request.user.has_perm("videos.view_videojob"):
        return context
    now, kind = timezone.now(), _kind(request)
    mock = MOCK[kind]
    phases, chart_days, sweeper = _phases_now(mock), _days(now, mock), health_checks.sweeper()
    transfers, webhooks, live = video_health_checks.transfers(), video_health_checks.webhooks(), health_checks.live()
    dashboard = {
        "now": now,
        "kind": kind,
        "kinds": list(Kind),
        "of_kind": "" if mock is None else f"&mock_mode__exact={mock:d}",  # for links to the list
        "phases": phases,
        "live": sum(row.count for row in phases),
        "oldest_waiting": phases[0].oldest,
        "today": _today(now, mock),
        "days": chart_days,
        "chart": json.dumps(_chart(chart_days)),
        "chart_options": json.dumps(CHART_OPTIONS),
        "warnings": retirements.warnings(),
        "transfers": "" if transfers.health == health.Health.OK else transfers.sentence,
        "webhooks": "" if webhooks.health == health.Health.OK else webhooks.sentence,
        "live_process": "" if live.health == health.Health.OK else live.sentence,
        "sweeper": sweeper,
        "sweeper_is_alive": sweeper.health == health.Health.OK,
    }
    return context | {"title": "Dashboard", "dashboard": dashboard}


def _kind(request: HttpRequest) -> Kind:
    """The requested kind; by default real videos, which cost money, or all if no paid provider is configured."""
    requested = request.GET.get("videos", "")
    if requested in Kind.values:
        return Kind(requested)
    return Kind.REAL if registry.configured() else Kind.ALL


def _phases_now(mock: bool | None) -> list[PhaseNow]:
    """Every live phase in the order of a job's life, QUEUED first."""
    live = VideoJob.objects.filter(due_at__isnull=False).order_by()  # named for the index of live rows
    if mock is not None:
        live = live.filter(mock_mode=mock)
    rows = {row[0]: row for row in live.values_list("phase").annotate(Count("id"), Min("created_at"))}
    phases = [phase for phase in Phase if phase in LIVE]
    return [PhaseNow(phase, *rows.get(phase, (phase, 0, None))[1:]) for phase in phases]


def _today(now: datetime, mock: bool | None = None) -> Figures:
    """Figures about the jobs that finished since midnight."""
    return figures(since=datetime.combine(now.date(), time(), UTC), mock=mock)


def _days(now: datetime, mock: bool | None = None) -> list[tuple[date, int, int]]:
    """Count the videos made and failed on each of the last days, oldest first."""
    return [(day.date, day.made, day.failed) for day in days(last=now.date(), count=CHART_DAYS, mock=mock)]


CHART_OPTIONS = {
    "responsive": True,
    "maintainAspectRatio": False,
    "scales": {"x": {"stacked": True, "grid": {"display": False}}, "y": {"stacked": True, "ticks": {"precision": 0}}},
    "plugins": {"legend": {"display": True, "position": "bottom"}},
}


def _chart(days: Sequence[tuple[date, int, int]]) -> dict[str, Any]:
    """Data for Chart.js, which unfold includes."""
    return {
        "labels": [f"{day:%-d %b}" for day, _, _ in days],
        "datasets": [
            {"label": "Made", "data": [made for _, made, _ in days], "backgroundColor": "var(--color-primary-600)"},
            {"label": "Failed", "data": [failed for _, _, failed in days], "backgroundColor": "var(--color-base-400)"},
        ],
    }
