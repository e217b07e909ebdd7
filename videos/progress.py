"""How far a generating job is: what looks that have shown nothing but progress are written down as, many at once."""

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import models, transaction
from django.db.models import F
from django.db.models.functions import Greatest, Now
from django.utils import timezone

from studio.statements import Change, Given
from videos import measures, schedule
from videos.models import VideoJob
from videos.phases import Phase
from videos.providers.base import Progress

SUBMITTED, GENERATED = 5, 90  # percent shown when the provider has accepted, and when it is done
EXPECTED_SECONDS = 60  # a usual generation, to estimate progress where the provider tells none


@dataclass(frozen=True)
class Sighting:
    """A look that has shown nothing but progress, and when."""

    job: VideoJob
    progress: Progress
    at: float = field(default_factory=time.monotonic)


def elapsed(job: VideoJob) -> float:
    """Seconds since the job was handed over."""
    return time.time() - (job.started_at or timezone.now()).timestamp()


def goes_on(job: VideoJob) -> bool:
    """Whether a job that is not done yet is still waited for."""
    return elapsed(job) <= schedule.POLL_GIVE_UP


def write(seen: Sequence[Sighting]) -> None:
    """Write all of them down in one commit: each costs SQLite a wait for the disk. Raises DatabaseError.

    The next look is counted from the sighting, not from now. A job that has moved meanwhile stays as it is.
    """
    with transaction.atomic() if len(seen) > 1 else nullcontext():
        ordered = sorted(seen, key=lambda sighting: sighting.job.pk)  # as others lock who lock several
        _SHOW.run_each([_shown(sighting) for sighting in ordered])
    for sighting in seen:
        measures.count_look(sighting.job, sighting.progress)


def _shown(sighting: Sighting) -> dict[str, Any]:
    job, progress = sighting.job, sighting.progress
    age = elapsed(job)
    share = progress.percentage / 100 if progress.percentage is not None else 1 - 0.5 ** (age / EXPECTED_SECONDS)
    wait = progress.next_look_seconds or schedule.poll_interval(age, failures=0)
    return {
        "id": job.pk,
        "lease": job.lease,
        "percentage": SUBMITTED + int((GENERATED - 1 - SUBMITTED) * min(max(share, 0), 1)),
        "wait": timedelta(seconds=max(wait - (time.monotonic() - sighting.at), 0)),
    }


# Under the fence of VideoJobQuerySet.touch: who generates has a lease.
_SHOW = Change(
    lambda: VideoJob.objects.filter(
        pk=Given("id", models.UUIDField()), phase=Phase.GENERATING, lease=Given("lease", models.UUIDField())
    ),
    progress_percentage=Greatest(F("progress_percentage"), Given("percentage", models.IntegerField())),
    due_at=Now() + Given("wait", models.DurationField()),
    attempts=0,
    updated_at=Now(),
)
