"""What a client may expect of a job: how long it takes, and when to ask for it again.

A job is expected to take as long as the median of the last successful jobs of its provider and model: the providers of
one model differ, mock mode most of all. Resolution and length do not count, so that a sample is soon large enough.
"""

import math
import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from statistics import median

from django.db.models.functions import Now
from django.utils import timezone

from studio.models import TaskState
from videos.engine import schedule
from videos.models import VideoJob, from_now
from videos.phases import TERMINAL, Phase
from videos.providers.registry import PROVIDERS

NAME = "durations"  # of the row with the medians
SAMPLE = 100  # successful jobs of a provider and model
SEARCHED = 1000  # finished jobs of a provider, by the index `jobs_done_of_provider`; a rare model has a smaller sample
REFRESH = timedelta(minutes=1)
KEPT_SECONDS = 60  # by each process
ASK_AFTER = 5  # seconds; a step of a worker takes about that long, and docs/api.md asks clients to poll so
LONGEST_WAIT = 30  # seconds between two polls of a client

Medians = Mapping[str, Mapping[str, int]]  # seconds, by provider and public model


def expected_seconds(*, provider: str, model: str) -> int | None:
    """How long a new job will take from creation to the stored video; None while no job has succeeded."""
    return _medians(int(time.monotonic() // KEPT_SECONDS)).get(provider, {}).get(model)


@lru_cache(maxsize=1)
def _medians(period: int) -> Medians:
    row = TaskState.objects.filter(name=NAME).first()
    return row.state if row else {}


forget = _medians.cache_clear  # for tests


def refresh() -> None:
    """Compute the medians anew, once a minute among all sweepers."""
    TaskState.objects.get_or_create(name=NAME, defaults={"due_at": from_now(-1)})
    task = TaskState.objects.filter(name=NAME)
    due = task.filter(due_at__lte=Now())
    # exists() first: on SQLite even an UPDATE without a row takes the only write lock
    if due.exists() and due.update(due_at=Now() + REFRESH, updated_at=Now()):
        task.update(state={provider: found for provider in PROVIDERS if (found := _measured(provider))})


def _measured(provider: str) -> dict[str, int]:
    finished = VideoJob.objects.filter(provider=provider, completed_at__isnull=False).order_by("-created_at", "-id")
    samples: dict[str, list[float]] = defaultdict(list)
    rows = finished.values_list("phase", "model", "created_at", "completed_at")[:SEARCHED]
    for phase, model, created_at, completed_at in rows:
        if completed_at and phase == Phase.SUCCEEDED and len(samples[model]) < SAMPLE:
            samples[model].append((completed_at - created_at).total_seconds())
    return {model: max(round(median(seconds)), 1) for model, seconds in samples.items() if seconds}


def seconds_left(*, phase: str, expected: int | None, created_at: datetime, updated_at: datetime) -> int | None:
    """The estimate for a live job as of its last change, at least 1 second; None for other jobs, and if unknown.

    As of the last change rather than now, so that a job that has not changed looks the same.
    """
    if expected is None or phase in TERMINAL:
        return None
    return max(expected - int((updated_at - created_at).total_seconds()), 1)


def seconds_to_change(*, phase: str, due_at: datetime | None, lease_until: datetime | None) -> int | None:
    """When to ask for the job again: 1 to LONGEST_WAIT seconds; None for a finished job."""
    if due_at is None:
        return None
    left = (due_at - timezone.now()).total_seconds()
    is_backing_off = (phase == Phase.QUEUED and lease_until is not None) or (
        phase == Phase.STORING and left > schedule.TRANSFER_LEASE
    )
    if is_backing_off or phase == Phase.GENERATING:
        return min(max(math.ceil(left + schedule.TICK), 1), LONGEST_WAIT)
    return ASK_AFTER
