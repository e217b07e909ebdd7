"""Jobs whose hint has had no effect: workers with a free thread take them from the table, whatever Redis does.

Workers always look, not only while Redis fails. So there is no mode to enter or leave, and it does not matter whether
Redis refuses, hangs, flaps, takes no writes, or is away from this one machine only. A hint that works is followed
within milliseconds, so that a look finds nothing then.
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
    """The ids of up to `limit` jobs for which the step is to be run, those first that have waited longest.

    Other workers' looks leave each alone for UNHEARD seconds. That spares work, and is no claim: the step makes one, so
    a hint that comes all the same does no harm. Raises DatabaseError and InterfaceError.
    """
    values = {"phase": PHASE_OF[step], "ahead": timedelta(seconds=schedule.REHINT - schedule.UNHEARD)}
    if not _WAITING.rows(skip=0, limit=1, **values):  # no write where there is nothing to do: SQLite has one writer
        return []
    later = timedelta(seconds=schedule.REHINT)
    taken = _TAKE.all(skip=0, limit=limit, later=later, **values)
    return [str(job.pk) for job in sorted(taken, key=lambda job: (job.created_at, job.pk))]


def _waiting() -> VideoJobQuerySet:
    """With a hint, or with none, for UNHEARD seconds; the index `jobs_due` has them in this order."""
    unheard = VideoJob.objects.claimable().filter(
        phase=Param("phase", models.CharField()), due_at__lte=Now() + Param("ahead", models.DurationField())
    )
    return unheard.order_by("due_at", "id")


_WAITING = Statement(lambda: _waiting().values_list("pk"), in_pages=True)
_PAGE = Statement(lambda: _waiting().select_for_update(skip_locked=True, no_key=True).values_list("pk"), in_pages=True)
_TAKE = UpdateReturning(
    VideoJob,
    lambda: VideoJob.objects.filter(InPage("pk", _PAGE)),
    due_at=Now() + Param("later", models.DurationField()),
    updated_at=Now(),
)
