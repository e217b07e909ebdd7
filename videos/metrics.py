"""`/metrics` for Prometheus: what the database says about jobs at the moment of asking."""

import hmac
from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from studio.models import Heartbeat
from videos import schedule
from videos.models import VideoJob
from videos.phases import LIVE


class Jobs(Collector):
    """Gauges, read from the tables' indexes on every scrape: any web process gives the same answer."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every gauge."""
        yield self._by_phase()
        yield self._oldest()
        yield self._lost()
        yield self._heartbeat()

    def _by_phase(self) -> GaugeMetricFamily:
        gauge = GaugeMetricFamily("studio_jobs_live", "Unfinished video jobs", labels=["phase"])
        counts = dict(VideoJob.objects.live().order_by().values_list("phase").annotate(count=Count("pk")))
        for phase in sorted(LIVE):
            gauge.add_metric([phase], counts.get(phase, 0))
        return gauge

    def _oldest(self) -> GaugeMetricFamily:
        oldest = VideoJob.objects.live().aggregate(oldest=Min("created_at"))["oldest"]
        age = (timezone.now() - oldest).total_seconds() if oldest else 0
        return GaugeMetricFamily("studio_jobs_oldest_live_seconds", "Age of the oldest unfinished job", value=age)

    def _lost(self) -> GaugeMetricFamily:
        recently = timezone.now() - timedelta(seconds=schedule.POLL_GIVE_UP)
        lost = VideoJob.objects.filter(error_code="submission_unknown", created_at__gt=recently).count()
        return GaugeMetricFamily(
            "studio_jobs_lost_answers", "Jobs of two days that ended submission_unknown", value=lost
        )

    def _heartbeat(self) -> GaugeMetricFamily:
        beat = Heartbeat.objects.filter(name="sweeper").first()
        age = (timezone.now() - beat.beat_at).total_seconds() if beat else float("inf")
        return GaugeMetricFamily(
            "studio_sweeper_heartbeat_seconds", "Age of the sweeper's last sign of life", value=age
        )


def metrics(request: HttpRequest) -> HttpResponse:
    """The gauges, for who has METRICS_TOKEN; not there while that is unset."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not settings.METRICS_TOKEN:
        return JsonResponse({"detail": "Not found.", "code": "not_found"}, status=404)
    if not hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode()):
        refusal = {"detail": "This needs the metrics token.", "code": "not_authenticated"}
        return JsonResponse(refusal, status=401, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Jobs())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
