"""A hundred videos at once, from the paid call to the stored file, beside two workers that wait for one video each.

The reference takes the hundred in two halves, side by side, with two workers each: one after the other they would take
as long again and show the same, for they sleep nearly always. At full size the product makes a hundred in real time
meanwhile.
"""

import random
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import redis

from benchmarks import fleet, meters
from benchmarks.deployment import Deployment, deployment
from benchmarks.report import Report
from benchmarks.vendors import MODEL, SECONDS, prompt_of

SHORTEST, LONGEST = 11.0, 360.0  # seconds that a video takes at Google; as docs/providers.md has it
SEED = 1
WORKERS = 2  # of the reference, a process and a video each
QUEUE = "blocking"
SPEED, MEMORY, CPU = 12, 20, 0.7  # targets: makespan and memory to the reference's, as divisors; CPU as a share
LATE_SECONDS, LAG_SECONDS = 6, 2  # targets, in real time: after the longest video; after a poll interval


@dataclass
class Round:
    """One side's hundred, or half of it."""

    factor: float
    seconds: float = 0
    usage: fleet.Usage = field(default_factory=fleet.Usage)
    unfinished: int = 0
    waits: list[float] = field(default_factory=list)  # from the order to Google's acceptance
    poll_lags: list[float] = field(default_factory=list)  # from done at Google to known here
    transfers: list[float] = field(default_factory=list)  # from known to stored
    takes: list[float] = field(default_factory=list)

    @property
    def lags(self) -> list[float]:
        """From done at the provider to SUCCEEDED."""
        return [lag + transfer for lag, transfer in zip(self.poll_lags, self.transfers, strict=True)]


def run(report: Report) -> None:
    """Product, reference, product; then compare them."""
    count, factor = (100, 10.0) if report.full else (24, 40.0)
    takes = durations(count)
    with fleet.vendors() as addresses, deployment(**addresses) as site:
        fleet.use_upstream_of_fakes()
        url = addresses["GOOGLE_GEMINI_BASE_URL"]
        product, real = [_product_round(site, url, takes, factor)], None
        with ThreadPoolExecutor(2) as pool:
            halves = [pool.submit(_plain_round, site, takes[first::2], factor) for first in (0, 1)]
            if report.full:
                real = _product_round(site, url, takes, 1.0)
            plain = [half.result() for half in halves]
        product.append(_product_round(site, url, takes, factor))
    _report(report, product, plain, real, takes)


def durations(count: int) -> list[float]:
    """Between the shortest and the longest, each as likely on a logarithmic scale, in a fixed order."""
    takes = [SHORTEST * (LONGEST / SHORTEST) ** ((number + 0.5) / count) for number in range(count)]
    random.Random(SEED).shuffle(takes)
    return takes


def _product_round(site: Deployment, url: str, takes: Sequence[float], factor: float) -> Round:
    made = Round(factor, takes=list(takes))
    with fleet.fleet(site, factor=factor) as ids:
        with fleet.held_back(ids):
            jobs = _order(takes, factor)
        with fleet.watched(ids) as made.usage:
            began_at = _now()
            fleet.wait_for(jobs, seconds=LONGEST / factor + 300, site=site)
            made.seconds = _now() - began_at
    _read_times(made, jobs, fleet.call(url, "/__done__"), began_at)
    return made


def _order(takes: Sequence[float], factor: float) -> list[Any]:
    """A job for each duration, three a user."""
    from benchmarks import rows
    from videos import creation
    from videos.job_requests import VideoJobRequest

    jobs = []
    for number, seconds in enumerate(takes):
        if number % 3 == 0:
            owner = rows.user(f"customer-{uuid.uuid4().hex[:8]}")
        order = VideoJobRequest(
            prompt=prompt_of(number, seconds / factor),
            model="veo-3.1-generate-preview",
            resolution="720p",
            aspect_ratio="16:9",
            duration_seconds=SECONDS,
            generate_audio=True,  # so that both sides store the file as it comes
            mock_mode=False,
        )
        jobs.append(creation.create(owner=owner, job_request=order).pk)
    return jobs


def _read_times(made: Round, jobs: Sequence[Any], done_at: dict[str, float], began_at: float) -> None:
    from videos.models import VideoJob

    for job in VideoJob.objects.filter(pk__in=jobs):
        if job.phase != "succeeded" or not job.generated_at or not job.completed_at:
            made.unfinished += 1
            continue
        done, seconds = done_at[job.prompt], float(job.prompt.partition("takes=")[2])
        made.waits.append(done - seconds - began_at)
        made.poll_lags.append(job.generated_at.timestamp() - done)
        made.transfers.append((job.completed_at - job.generated_at).total_seconds())


def _plain_round(site: Deployment, takes: Sequence[float], factor: float) -> Round:
    made = Round(factor, takes=list(takes))
    queue = f"{QUEUE}-{uuid.uuid4().hex[:8]}"
    names = [f"{queue}-{number}" for number in range(WORKERS)]
    with _jobs_hidden_from_sweeper(takes, factor) as jobs, redis.Redis.from_url(site.valkey.url) as connection:
        try:
            argv = ("-m", "benchmarks.reference.blocking", queue, str(factor))
            ids = [site.start(name, *argv) for name in names]
            for name in names:
                site.wait_until(lambda: int(connection.get(f"{queue}-ready") or 0) >= WORKERS, name=name)
            with fleet.watched(ids) as made.usage:
                began_at = _now()
                connection.rpush(queue, *map(str, jobs))
                if not fleet.wait_for(jobs, seconds=2 * sum(takes) / factor / WORKERS + 120, site=site, roles=names):
                    made.unfinished = len(jobs)
                made.seconds = _now() - began_at
        finally:
            site.stop(*names)
    return made


@contextmanager
def _jobs_hidden_from_sweeper(takes: Sequence[float], factor: float) -> Iterator[list[Any]]:
    """Jobs that are not due before tomorrow, so the product's sweeper leaves them alone."""
    from django.db import connection
    from django.utils import timezone

    from benchmarks import rows

    jobs = []
    for number, seconds in enumerate(takes):
        if number % 3 == 0:
            owner = rows.user(f"plain-{uuid.uuid4().hex[:8]}")
        job = rows.finished_job(
            owner,
            prompt=prompt_of(number, seconds / factor),
            provider="google_omni",
            upstream_model=MODEL,
            mock_mode=False,
            phase="generating",
            slot=1 + number % 3,
            progress_percentage=5,
            due_at=timezone.now() + timezone.timedelta(days=1),
            completed_at=None,
            video="",
        )
        jobs.append(job.pk)
    try:
        yield jobs
    finally:
        connection.close()  # a thread's own


def _now() -> float:
    from django.utils import timezone

    return timezone.now().timestamp()


def _report(report: Report, product: list[Round], plain: list[Round], real: Round | None, takes: list[float]) -> None:
    report.say(
        f"{len(takes)} videos that take {min(takes):.0f}-{max(takes):.0f} s, {sum(takes) / len(takes):.0f} on average,"
        f" in 1/{product[0].factor:.0f} of real time; so are the intervals between polls."
    )
    rounds = [*((f"product {n + 1}", made) for n, made in enumerate(product)),
              *((f"reference, half {n + 1}", made) for n, made in enumerate(plain)),
              *([("product, real time", real)] if real else [])]  # fmt: skip
    report.table(
        "Rounds",
        ["round", "videos", "s", "CPU s/video", "peak MiB", "lag p50", "p95", "submit p95", "poll p95", "transfer p95"],
        [[name, len(made.takes), made.seconds, made.usage.cpu_seconds / len(made.takes), made.usage.peak_mib,
          *_quantiles(made)] for name, made in rounds],
    )  # fmt: skip
    unfinished = sum(made.unfinished for _, made in rounds)
    report.target("videos that did not succeed", value=unfinished, limit=0, unit="")
    makespan = meters.median([made.seconds for made in product])
    slow = sum(made.seconds for made in plain)
    judged = report.full  # with few videos the longest one is all that counts
    report.target("makespan, reference to product", value=slow / makespan, limit=SPEED, at_least=True, judged=judged)
    ours = meters.median([made.usage.peak_mib for made in product]) / len(takes)
    theirs = meters.median([made.usage.peak_mib for made in plain]) / WORKERS
    report.target(
        "memory a video in flight, reference to product",
        value=theirs / ours,
        limit=MEMORY,
        at_least=True,
        judged=judged,
    )
    cpu = meters.median([made.usage.cpu_seconds for made in product]) / len(takes)
    plain_cpu = sum(made.usage.cpu_seconds for made in plain) / len(takes)
    report.target("CPU a video, product to reference", value=cpu / plain_cpu, limit=CPU, judged=judged)
    _report_lags(report, real or product[-1], is_real=bool(real))


def _report_lags(report: Report, made: Round, *, is_real: bool) -> None:
    """Lags in real time; of a quickened round only the poll lags are scaled, for work does not become quicker."""
    from videos.engine import schedule

    lags = [lag * made.factor + transfer for lag, transfer in zip(made.poll_lags, made.transfers, strict=True)]
    late = made.seconds - max(made.takes) if is_real else made.factor * max(made.poll_lags, default=0)
    report.target("makespan after the longest video", value=late, limit=LATE_SECONDS, unit=" s", judged=is_real)
    limit = schedule.POLL_EVERY + LAG_SECONDS
    report.target(
        "lag p95, done to SUCCEEDED", value=meters.quantile(lags, 0.95), limit=limit, unit=" s", judged=is_real
    )


def _quantiles(made: Round) -> list[float | None]:
    if not made.lags:
        return [None] * 5
    return [
        meters.quantile(made.lags, 0.5),
        *(meters.quantile(values, 0.95) for values in (made.lags, made.waits, made.poll_lags, made.transfers)),
    ]
