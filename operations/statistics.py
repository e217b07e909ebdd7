"""Figures about finished jobs, for the dashboard and the commands.

Every query is bounded by date and has an index, so a million old jobs do not slow it. Days are UTC days.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from datetime import date as Date  # noqa: N812 - a day has a date
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from accounts.models import LedgerEntry
from videos.models import DeletedJob, Upstream, VideoJob, price_in
from videos.phases import Phase

DURATIONS_MOST = 1000  # the newest videos, for the quantiles
TOP_FAILURES = 5


@dataclass(frozen=True)
class Figures:
    """Jobs that finished since a moment."""

    made: int
    failed: int
    unknown: int
    failures: list[tuple[str, int]]
    dollars: Decimal
    median_seconds: float | None
    p95_seconds: float | None
    tokens_charged: int
    tokens_refunded: int


@dataclass(frozen=True)
class Day:
    """Jobs that finished on one day."""

    date: Date
    made: int
    failed: int


def figures(*, since: datetime, mock: bool | None = None) -> Figures:
    """The sums since then: of mock videos, of real ones, or of both (None).

    Tokens of a deleted job count only in the sums of both: the ledger does not know whether it was a mock job.
    """
    finished = _of_kind(VideoJob.objects.filter(completed_at__gte=since), mock).order_by()
    groups = list(
        finished.values(
            "phase", "error_code", "model", "provider", "upstream_model", "resolution", "mock_mode"
        ).annotate(
            jobs=Count("id"),
            # we pay for all that the provider generated, whether or not we could store it
            seconds=Sum("duration_seconds", filter=Q(generated_at__isnull=False), default=0),
        )
    )
    failures: Counter[str] = Counter()
    for group in groups:
        if group["phase"] == Phase.FAILED:
            failures[group["error_code"]] += group["jobs"]
    times = finished.filter(phase=Phase.SUCCEEDED).order_by("-completed_at").values_list("created_at", "completed_at")
    durations = sorted((end - start).total_seconds() for start, end in times[:DURATIONS_MOST] if end)
    entries = LedgerEntry.objects.filter(created_at__gte=since, kind__in=("charge", "refund")).order_by()
    if mock is not None:
        entries = entries.filter(Exists(VideoJob.objects.filter(pk=OuterRef("video_job_id"), mock_mode=mock)))
    tokens = dict(entries.values_list("kind").annotate(Sum("amount")))
    return Figures(
        made=sum(group["jobs"] for group in groups if group["phase"] == Phase.SUCCEEDED),
        failed=failures.total(),
        unknown=failures["submission_unknown"],
        failures=failures.most_common(TOP_FAILURES),
        dollars=_dollars([*groups, *_deleted_groups(since, mock)]),
        median_seconds=_share(durations, 0.5),
        p95_seconds=_share(durations, 0.95),
        tokens_charged=-tokens.get("charge", 0),
        tokens_refunded=tokens.get("refund", 0),
    )


def _of_kind(jobs: QuerySet[Any], mock: bool | None) -> QuerySet[Any]:
    return jobs if mock is None else jobs.filter(mock_mode=mock)


def days(*, last: Date, count: int, mock: bool | None = None) -> list[Day]:
    """`count` days up to the last one, oldest first."""
    first = last - timedelta(days=count - 1)
    rows = _of_kind(_by_day(first), mock).values_list("day", "phase").annotate(Count("id"))
    counts = {(day, phase): jobs for day, phase, jobs in rows}
    dates = [first + timedelta(days=number) for number in range(count)]
    return [Day(day, counts.get((day, Phase.SUCCEEDED), 0), counts.get((day, Phase.FAILED), 0)) for day in dates]


def lost_submits_by_day(*, first: Date) -> dict[Date, int]:
    """The number of jobs a day that failed because the response to their submit was lost."""
    return dict(_by_day(first).filter(error_code="submission_unknown").values_list("day").annotate(Count("id")))


def _by_day(first: Date) -> QuerySet[Any]:
    finished = VideoJob.objects.filter(completed_at__gte=datetime.combine(first, time(), UTC)).order_by()
    return finished.annotate(day=TruncDate("completed_at", tzinfo=UTC))


def _deleted_groups(since: datetime, mock: bool | None) -> list[Mapping[str, Any]]:
    """Groups of the real jobs that ended since then, were paid for, and were deleted."""
    if mock:
        return []
    paid = DeletedJob.objects.filter(completed_at__gte=since, generated_at__isnull=False).order_by()
    columns = ("model", "provider", "upstream_model", "resolution")
    groups = paid.values(*columns).annotate(seconds=Sum("duration_seconds"))
    return [{**group, "mock_mode": False} for group in groups]


def _dollars(groups: Sequence[Mapping[str, Any]]) -> Decimal:
    """The cost of these groups of jobs by the catalogue's prices; mock videos cost nothing."""
    rows = Upstream.objects.values_list("model__name", "provider", "upstream_model", "prices")
    prices = {tuple(key): by_resolution for *key, by_resolution in rows}
    return sum(
        (
            price_in(prices.get((group["model"], group["provider"], group["upstream_model"]), {}), group["resolution"])
            * group["seconds"]
            for group in groups
            if not group["mock_mode"]
        ),
        Decimal(),
    )


def _share(ordered: Sequence[float], share: float) -> float | None:
    """The quantile `share` of the values."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else None
