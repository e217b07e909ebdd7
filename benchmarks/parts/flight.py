"""One sweeper with many videos in flight, in real time: its lag after the end of a video, and its cost.

Submit and media worker do not run: a video counts as seen when its row says so.
"""

import time
from collections.abc import Sequence
from typing import Any

from benchmarks import fleet, meters
from benchmarks.deployment import Deployment, deployment
from benchmarks.report import Report
from benchmarks.vendors import MODEL, operation_of

LAG_GROWTH = 2  # times the lag with few in flight, at most
SETTLING_SECONDS = 8  # more than a poll interval


def run(report: Report) -> None:
    """From few to many in flight; a tenth of them are done meanwhile, evenly."""
    sizes, seconds = ((100, 1000, 3000), 30) if report.full else ((50, 300), 15)
    found = []
    with fleet.vendors() as addresses, deployment(**addresses) as site:
        for size in sizes:
            lags, usage, unseen = _fly(site, size, seconds=seconds)
            found.append((size, lags))
            report.table(
                f"{size:,} in flight, one sweeper",
                ["done", "unseen", "lag p50 s", "lag p95 s", "CPU, cores", "peak MiB"],
                [[len(lags), unseen, meters.quantile(lags, 0.5), meters.quantile(lags, 0.95),
                  usage.cpu_seconds / (seconds + SETTLING_SECONDS), usage.peak_mib]],
            )  # fmt: skip
    (_, few), *others = found
    for size, lags in others:
        growth = meters.quantile(lags, 0.95) / meters.quantile(few, 0.95)
        report.target(f"lag p95 with {size:,} in flight, to {sizes[0]}", value=growth, limit=LAG_GROWTH)


def _fly(site: Deployment, size: int, *, seconds: float) -> tuple[list[float], fleet.Usage, int]:
    """Lags of the videos that ended, usage of the sweeper, and how many ends it had not seen."""
    from benchmarks import rows
    from videos.models import VideoJob

    with fleet.fleet(site, factor=1, roles=["sweeper"]) as ids:
        begins_at = time.time() + SETTLING_SECONDS
        finishing = max(size // 10, 30)
        done_at = [begins_at + seconds * (number + 1) / finishing for number in range(finishing)]
        jobs = _launch([*done_at, *[begins_at + 3600] * (size - finishing)])
        time.sleep(max(begins_at - time.time(), 0))
        with fleet.watched(ids) as usage:
            time.sleep(seconds + SETTLING_SECONDS)
        seen = dict(VideoJob.objects.filter(pk__in=jobs[:finishing], phase="storing").values_list("pk", "generated_at"))
    lags = [seen[job].timestamp() - done for job, done in zip(jobs, done_at, strict=False) if job in seen]
    for table in ("videos_joblog", "videos_jobinput", "videos_videojob"):
        rows.execute(f"DELETE FROM {table}")
    return lags, usage, finishing - len(lags)


def _launch(done_at: Sequence[float]) -> list[Any]:
    """Jobs at the provider, three a user, whose polls are due one after the other."""
    from django.utils import timezone

    from accounts.models import User
    from benchmarks import rows
    from videos.engine import schedule
    from videos.models import VideoJob

    missing = -(-len(done_at) // 3) - User.objects.count()
    template = rows.user("pilot") if not User.objects.exists() else User.objects.first()
    assert template
    if missing > 0:
        first = User.objects.count()
        rows.copy(template, (first, first + missing), id="gen_random_uuid()", email="'pilot-' || n || '@example.com'")
    owners = list(User.objects.order_by("id"))
    now = timezone.now()
    jobs = [
        VideoJob(
            owner=owners[number // 3],
            prompt="bench",
            model="veo-3.1-generate-preview",
            upstream_model=MODEL,
            resolution="720p",
            aspect_ratio="16:9",
            duration_seconds=8,
            provider="google_omni",
            operation=operation_of(number, moment),
            phase="generating",
            slot=1 + number % 3,
            started_at=now,
            due_at=now + timezone.timedelta(seconds=schedule.POLL_EVERY * number / len(done_at)),
        )
        for number, moment in enumerate(done_at)
    ]
    VideoJob.objects.bulk_create(jobs, batch_size=500)
    return [job.pk for job in jobs]
