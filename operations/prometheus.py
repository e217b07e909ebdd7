"""`/metrics` for Prometheus, identical from every web process. docs/metrics.md explains each metric.

Every scrape queries the tables, by index, and reads the counters that processes keep in Redis
(studio.observability.counters). If the database or Redis is unavailable, its metrics are missing and `studio_up` is 0.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseFailure
from django.db.models import Count, Min, Q
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from accounts import tasks
from operations.reconciliation import runs
from operations.video_health_checks import late_transfers, lost_responses
from studio.http.probes import has_metrics_token
from studio.media import disks
from studio.models import Disposal, Heartbeat, TaskState
from studio.observability import counters
from studio.observability.counters import Sums
from videos import retirements
from videos.engine import hints
from videos.live import metrics as _of_live  # noqa: F401 - declares what only the live process counts
from videos.models import VideoJob, WebhookDelivery, WebhookEndpoint
from videos.phases import LIVE, Phase
from videos.webhooks import delivery

logger = logging.getLogger(__name__)

Value = float | dict[str, float]
WAITING = (Phase.QUEUED.value, Phase.STORING.value)
FAILING_ATTEMPTS = 3  # six minutes after the first one, by disposal.RETRY_SECONDS


def _live() -> Value:
    counts = dict(VideoJob.objects.live().order_by().values_list("phase").annotate(count=Count("pk")))
    return {phase: counts.get(phase, 0) for phase in sorted(LIVE)}


def _oldest_live() -> Value:
    return _age(VideoJob.objects.live().aggregate(oldest=Min("created_at"))["oldest"])


def _oldest_in_phase() -> Value:
    """Since the phase began, as far as the row says: a job that was queued again is as old as its request."""
    begun = {Phase.GENERATING: Coalesce("started_at", "created_at"), Phase.STORING: "generated_at"}
    oldest = VideoJob.objects.live().aggregate(
        **{phase: Min(begun.get(Phase(phase), "created_at"), filter=Q(phase=phase)) for phase in LIVE}
    )
    return {phase: _age(oldest[phase]) for phase in sorted(LIVE)}


def _overdue() -> Value:
    """Seconds by which the most overdue job of each phase is overdue; one index lookup a phase."""
    return {phase: _age(VideoJob.objects.due(phase).values_list("due_at", flat=True).first()) for phase in sorted(LIVE)}


def _waiting() -> Value:
    """By phase that workers claim, the seconds since the oldest unclaimed job became claimable.

    Not by `due_at`: the sweeper moves that ahead whenever it sends the hint again.
    """
    free_since = Coalesce("lease_until", "generated_at", "created_at")
    waiting = VideoJob.objects.live().claimable().filter(phase__in=WAITING).order_by().values_list("phase")
    oldest = dict(waiting.annotate(since=Min(free_since)))
    return {phase: _age(oldest.get(phase)) for phase in WAITING}


def _age(moment: Any) -> float:
    """Seconds since the moment; 0 for None, and for a moment in the future."""
    return max((timezone.now() - moment).total_seconds(), 0) if moment else 0


def _heartbeat() -> Value:
    beat = _last_beat("sweeper")
    return _age(beat) if beat else float("inf")


def _live_heartbeat() -> Value:
    """No series where no live process has run."""
    beat = _last_beat("live")
    return _age(beat) if beat else {}


def _last_beat(name: str) -> Any:
    return Heartbeat.objects.filter(name=name).values_list("beat_at", flat=True).first()


def _reconciliation_age() -> Value:
    """Since the last run finished; before that, since the first run began."""
    first = TaskState.objects.filter(name=runs.NAME).values_list("created_at", flat=True).first()
    return _age(runs.last_reconciliation().finished_at or first)


def _mismatches() -> Value:
    return {**runs.last_reconciliation().found}


def _disposals() -> Value:
    return Disposal.objects.count()


def _failing_disposals() -> Value:
    return Disposal.objects.filter(attempts__gte=FAILING_ATTEMPTS).count()


def _overdue_disposal() -> Value:
    return _age(Disposal.objects.aggregate(first=Min("due_at"))["first"])


def _overdue_account_task() -> Value:
    return _age(tasks.overdue_since())


def _overdue_webhook() -> Value:
    return _age(delivery.overdue_since())


def _webhooks() -> Value:
    """Messages that wait, and webhooks whose attempts fail or that are disabled."""
    pending = WebhookDelivery.objects.filter(due_at__isnull=False).count()
    of_endpoints = WebhookEndpoint.objects.aggregate(
        failing=Count("pk", filter=Q(disabled_at=None, failing_since__isnull=False)),
        disabled=Count("pk", filter=Q(disabled_at__isnull=False)),
    )
    return {"messages pending": pending, **of_endpoints}


# Name: help text, label, query. From the database:
_OF_DATABASE: dict[str, tuple[str, str, Callable[[], Value]]] = {
    "studio_jobs_live": ("Unfinished video jobs", "phase", _live),
    "studio_jobs_oldest_live_seconds": ("Age of the oldest unfinished job", "", _oldest_live),
    "studio_jobs_oldest_seconds": (
        "Longest time that a job has been in the phase",
        "phase",
        _oldest_in_phase,
    ),
    "studio_jobs_overdue_seconds": ("Seconds by which the most overdue job is overdue", "phase", _overdue),
    "studio_jobs_waiting_seconds": ("Seconds that the longest-waiting job has waited for a worker", "phase", _waiting),
    "studio_jobs_lost_answers": ("Failed jobs of two days that the provider may have billed", "", lost_responses),
    "studio_model_days_left": (
        "Days until the last upstream of an offered model retires",
        "model",
        retirements.days_left,
    ),
    "studio_upstreams_suspended": ("Upstreams that the system has switched off", "", retirements.suspended_count),
    "studio_transfers_late": (
        "Jobs whose video has not been stored for ten minutes, or is refused",
        "",
        lambda: late_transfers().count(),
    ),
    "studio_sweeper_heartbeat_seconds": ("Age of the sweeper's last sign of life", "", _heartbeat),
    "studio_live_heartbeat_seconds": ("Age of the live process's last sign of life", "", _live_heartbeat),
    "studio_disposals_pending": ("Files to be removed, now or later", "", _disposals),
    "studio_disposals_failing": ("Files that could not be removed three times", "", _failing_disposals),
    "studio_disposals_overdue_seconds": ("Seconds by which the most overdue removal is overdue", "", _overdue_disposal),
    "studio_account_tasks_overdue_seconds": (
        "Seconds by which the most overdue mail, export or deletion of an account is overdue",
        "",
        _overdue_account_task,
    ),
    "studio_account_tasks_failing": (
        "Mails, exports and deletions of accounts that fail again and again, or were given up",
        "",
        tasks.failing,
    ),
    "studio_webhooks_overdue_seconds": (
        "Seconds by which the most overdue message to a webhook that accepts messages is overdue",
        "",
        _overdue_webhook,
    ),
    "studio_webhooks": ("Messages that wait, and webhooks that fail or are disabled", "state", _webhooks),
    "studio_reconciliation_age_seconds": ("Seconds since a reconciliation finished", "", _reconciliation_age),
    "studio_mismatches": ("Mismatches found by the last and the current reconciliation", "kind", _mismatches),
    "studio_database_bytes": ("Size of the database", "", disks.database_bytes),
}
# From Redis:
_OF_REDIS: dict[str, tuple[str, str, Callable[[], Value]]] = {
    "studio_queue_hints": ("Hints that wait for a worker", "queue", lambda: {**hints.lengths()}),
}
# From neither:
UP = ("studio_up", "1 if the part of the page could be read", ("part",))
DISKS = ("studio_disk_free_bytes", "Free space of the disks that processes write to", ("host", "where"))
GAUGES: dict[str, tuple[str, ...]] = {
    **{name: (label,) if label else () for name, (_, label, _) in (_OF_DATABASE | _OF_REDIS).items()},
    **{name: labels for name, _, labels in (UP, DISKS)},
}


class Studio(Collector):
    """All metrics of the page."""

    def collect(self) -> Iterator[Metric]:
        """Collect database and Redis separately: one that is unavailable must not hide the other."""
        self._free: disks.Free = {}
        up = GaugeMetricFamily(UP[0], UP[1], labels=UP[2])
        for part, read in (("database", self._database), ("redis", self._redis)):
            try:
                yield from list(read())
                up.add_metric([part], 1)
            except (DatabaseFailure, RedisError, OSError) as exc:
                logger.warning("metrics.incomplete", extra={"part": part, "reason": type(exc).__name__})
                up.add_metric([part], 0)
        yield up
        free = GaugeMetricFamily(DISKS[0], DISKS[1], labels=DISKS[2])
        for key, number in sorted((self._free | disks.own()).items()):
            free.add_metric(key, number)
        yield free

    def _database(self) -> Iterator[Metric]:
        yield from (_gauge(name, *facts) for name, facts in _OF_DATABASE.items())

    def _redis(self) -> Iterator[Metric]:
        with counters.connect() as client:
            sums = counters.sums(client)
            self._free = disks.reported(client)
        yield from (_gauge(name, *facts) for name, facts in _OF_REDIS.items())
        for measure in counters.metrics():
            series = _series(measure, sums)
            yield _histogram(measure, series, sums) if measure.buckets else _counter(measure, series, sums)


def _series(measure: counters.Metric, sums: Sums) -> list[tuple[str, ...]]:
    """The known series, which start at 0, and those that were counted besides."""
    try:
        known = set(measure.known_series())
    except DatabaseFailure:  # studio_up is 0; show what was counted
        known = set()
    return sorted(known | {values for name, values, _ in sums if name == measure.name})


def _gauge(name: str, meaning: str, label: str, query: Callable[[], Value]) -> Metric:
    gauge = GaugeMetricFamily(name, meaning, labels=[label] if label else [])
    value = query()
    for key, number in value.items() if isinstance(value, dict) else [(None, value)]:
        gauge.add_metric([] if key is None else [str(key)], number)
    return gauge


def _counter(measure: counters.Metric, series: list[tuple[str, ...]], sums: Sums) -> Metric:
    family = CounterMetricFamily(measure.name, measure.meaning, labels=list(measure.labels))
    for values in series:
        family.add_metric(list(values), sums.get((measure.name, values, ""), 0))
    return family


def _histogram(measure: counters.Metric, series: list[tuple[str, ...]], sums: Sums) -> Metric:
    family = HistogramMetricFamily(measure.name, measure.meaning, labels=list(measure.labels))
    bounds = [*(str(bound) for bound in measure.buckets), "+Inf"]
    for values in series:
        total, cumulative = 0.0, []
        for bound in bounds:
            total += sums.get((measure.name, values, bound), 0)
            cumulative.append((bound, total))
        family.add_metric(list(values), cumulative, sums.get((measure.name, values, "sum"), 0))
    return family


def metrics(request: HttpRequest) -> HttpResponse:
    """The page, for scrapers that send METRICS_TOKEN; 404 while that is unset."""
    if not settings.METRICS_TOKEN:
        return JsonResponse({"detail": "Not found.", "code": "not_found"}, status=404)
    if not has_metrics_token(request):
        body = {"detail": "This needs the metrics token.", "code": "not_authenticated"}
        return JsonResponse(body, status=401, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Studio())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
