"""Takes jobs from the table if their hint has had no effect, whatever Redis does.

Workers with a free thread always scan the table, so they need not detect how Redis fails: whether it refuses, hangs,
flaps, is read-only, or is unreachable from one machine only. A working hint takes effect
within milliseconds, so a scan usually finds nothing.
"""

from datetime import timedelta

from django.db import models
from django.db.models.functions import Now

from studio.db.statements import InPage, Param, Statement, UpdateReturning
from videos.engine import schedule
from videos.engine.hints import Step
from videos.models import VideoJob, VideoJobQuerySet
from videos.phases import Phase

PHASE_OF: dict[Step, Phase] = {"submit": Phase.QUEUED, "transfer": Phase.STORING}


def take(*, step: Step, limit: int) -> list[str]:
    """The ids of up to `limit` jobs whose step is overdue, the longest waiting first.

    Scans of other workers skip each for TAKE_AFTER seconds. That saves work and is not a claim: the step claims the job
    itself, so a late hint does no harm. Raises DatabaseError and InterfaceError.
    """
    values = {"phase": PHASE_OF[step], "ahead": timedelta(seconds=schedule.REHINT - schedule.TAKE_AFTER)}
    if not _WAITING.rows(skip=0, limit=1, **values):  # no write where nothing is due: SQLite has one writer
        return []
    later = timedelta(seconds=schedule.REHINT)
    taken = _TAKE.all(skip=0, limit=limit, later=later, **values)
    return [str(job.pk) for job in sorted(taken, key=lambda job: (job.created_at, job.pk))]


def _waiting() -> VideoJobQuerySet:
    """Jobs due for TAKE_AFTER seconds, hinted or not, in the order of the index `jobs_due`."""
    unclaimed = VideoJob.objects.claimable().filter(
        phase=Param("phase", models.CharField()), due_at__lte=Now() + Param("ahead", models.DurationField())
    )
    return unclaimed.order_by("due_at", "id")


_WAITING = Statement(lambda: _waiting().values_list("pk"), in_pages=True)
_PAGE = Statement(lambda: _waiting().select_for_update(skip_locked=True, no_key=True).values_list("pk"), in_pages=True)
_TAKE = UpdateReturning(
    VideoJob,
    lambda: VideoJob.objects.filter(InPage("pk", _PAGE)),
    due_at=Now() + Param("later", models.DurationField()),
    updated_at=Now(),
)
