"""The media worker: many transfers at once over a slow line, and large files in little memory."""

import time
from collections.abc import Sequence
from typing import Any

from benchmarks import fleet
from benchmarks.deployment import Deployment, deployment
from benchmarks.report import Report
from benchmarks.vendors import MODEL, operation_of

THREADS = 16  # of the product's media worker, unless MEDIA_THREADS says otherwise
DOWNLOAD_SECONDS = 3.0  # what each takes on the slow line
QUEUEING = 1.6  # times the ideal time on the slow line, at most
MIB_A_TRANSFER = 25  # at most, however large the file is: an upload's part of 6 MiB, which the SDK holds three times


def run(report: Report) -> None:
    """First the slow line, then the large files."""
    count, large, mib = (100, 20, 100) if report.full else (32, 8, 20)
    with fleet.vendors() as addresses, deployment(**addresses) as site:
        google = addresses["GOOGLE_GEMINI_BASE_URL"]
        quick, usage = _transfer(site, google, count=16)
        report.say(f"16 small files on a quick line take {quick:.1f} s.")
        took, usage = _transfer(site, google, count=count, download_seconds=DOWNLOAD_SECONDS)
        ideal = -(-count // THREADS) * DOWNLOAD_SECONDS
        header = ["what", "files", "s", "CPU s", "peak MiB"]
        report.table(
            "Slow line", header, [[f"{DOWNLOAD_SECONDS} s each", count, took, usage.cpu_seconds, usage.peak_mib]]
        )
        report.target(f"{count} at once on a slow line, to {THREADS} side by side", value=took / ideal, limit=QUEUEING)
        _, small = _transfer(site, google, count=large)
        took, usage = _transfer(site, google, count=large, mib=mib)
        report.table(
            "Large files",
            header,
            [
                ["small", large, None, small.cpu_seconds, small.peak_mib],
                [f"{mib} MiB", large, took, usage.cpu_seconds, usage.peak_mib],
            ],
        )
        more = (usage.peak_mib - small.peak_mib) / min(large, THREADS)
        report.target(
            f"memory a transfer of {mib} MiB, above a small one's", value=more, limit=MIB_A_TRANSFER, unit=" MiB"
        )


def _transfer(site: Deployment, google: str, *, count: int, **video: Any) -> tuple[float, fleet.Usage]:
    """Seconds for this many at once, and the worker's usage."""
    fleet.call(google, "/__video__", video)
    with fleet.fleet(site, factor=1, roles=["media"]) as ids:
        with fleet.held_back(ids):
            jobs = _finished_at_google(google, count)
        with fleet.watched(ids) as usage:
            began_at = time.monotonic()
            if not fleet.wait_for(jobs, seconds=200, site=site, roles=["media"]):
                raise RuntimeError(f"transfers do not end:\n{site.log('media')[-3000:]}")
            took = time.monotonic() - began_at
    _require_success(jobs)
    return took, usage


def _finished_at_google(google: str, count: int) -> list[Any]:
    """Jobs whose video is ready at Google, and a hint for each."""
    from django.utils import timezone

    from benchmarks import rows
    from videos.engine import hints

    now, jobs = timezone.now(), []
    for number in range(count):
        if number % 3 == 0:
            owner = rows.user(f"owner-{time.monotonic_ns()}")
        job = rows.finished_job(
            owner,
            phase="storing",
            provider="google_omni",
            upstream_model=MODEL,
            mock_mode=False,
            generate_audio=True,
            operation=operation_of(number, 0),
            result=f"{google}/v1beta/files/timed{number}:download?alt=media",
            slot=1 + number % 3,
            due_at=now + timezone.timedelta(hours=1),
            progress_percentage=90,
            completed_at=None,
            video="",
            poster="",
        )
        hints.hint("transfer", str(job.pk))
        jobs.append(job.pk)
    return jobs


def _require_success(jobs: Sequence[Any]) -> None:
    from videos.models import VideoJob

    failed = VideoJob.objects.filter(pk__in=jobs).exclude(phase="succeeded").values_list("error_code", "provider_reply")
    if failed:
        raise RuntimeError(f"not a measurement: {list(failed[:3])}")
