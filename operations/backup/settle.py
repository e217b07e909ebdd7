"""Settles the jobs of a restored database: a video that was paid for after the backup must not be paid for again."""

from collections import Counter
from datetime import UTC, datetime
from time import sleep

from django.db import DatabaseError
from django.db.models.functions import Now

from studio.db import batches
from studio.errors import Conflict
from studio.models import Heartbeat
from videos.engine import outcomes, schedule
from videos.models import VideoJob, events
from videos.phases import Phase
from videos.providers.registry import PROVIDERS, provider
from videos.webhooks import endpoints

ALIVE_SECONDS = 12  # a sweeper beats every five


def check_no_sweeper_runs() -> None:
    """Wait, for seconds at most, until it is certain that no sweeper uses the database. Raises Conflict if one does."""
    try:
        first = _last_beat()
        age = (datetime.now(UTC) - first).total_seconds() if first else ALIVE_SECONDS
        if age < ALIVE_SECONDS:
            sleep(ALIVE_SECONDS - max(age, 0))
        if _last_beat() != first:
            raise Conflict("A sweeper runs on this database; stop every process of the system first.")
    except DatabaseError:  # no database, or one without our tables
        return


def _last_beat() -> datetime | None:
    return Heartbeat.objects.filter(name="sweeper").values_list("beat_at", flat=True).first()


def settle_restored_jobs() -> Counter[str]:
    """Settle the jobs that were not yet submitted at the time of the backup. Call it before any process starts.

    A paid job may have been submitted since. So it fails as `submission_unknown`, is refunded as the policy says, and
    is never submitted again. An operator who finds the operation can adopt it. A free job starts again. Jobs that were
    generating or storing continue: polling and fetching cost nothing, and they are not submitted again either. Returns
    the numbers of jobs that were `failed`, were `requeued`, and continue (`go on`). Clients list their jobs again.
    """
    counts = Counter({"failed": 0, "requeued": 0})
    waiting = VideoJob.objects.filter(phase__in=(Phase.QUEUED, Phase.SUBMITTING)).order_by("pk")
    for (job_id,) in batches.rows(waiting, "pk"):
        job = VideoJob.objects.get(pk=job_id)  # no lock: see check_no_sweeper_runs
        if job.provider in PROVIDERS and provider(job.provider).start_is_free:
            _start_again(job)
            counts["requeued"] += 1
        else:
            detail = "restored from a backup; it may have been submitted after the backup"
            outcomes.fail(job=job, code="submission_unknown", detail=detail)
            counts["failed"] += 1
    VideoJob.objects.filter(phase=Phase.GENERATING).update(submit_attempts=schedule.NO_MORE_SUBMITS)
    events.forget()
    counts["messages dropped"] = endpoints.settle_restored()
    counts["go on"] = VideoJob.objects.filter(phase__in=(Phase.GENERATING, Phase.STORING)).count()
    return counts


def _start_again(job: VideoJob) -> None:
    if job.phase == Phase.QUEUED:
        VideoJob.objects.update_fenced(job, lease_until=None, due_at=Now())
    else:
        VideoJob.objects.transition(job, Phase.QUEUED, lease_until=None, due_at=Now())
