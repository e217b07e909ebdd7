"""What a client may expect of a job: how long it takes, and when to ask for it again.

A job is expected to take as long as the median of the last successful jobs of its provider and model: the providers of
one model differ, mock mode most of all. Resolution and length do not count, so that a sample is soon large enough.
The same sample decides when operations are polled (videos.engine.poll_times).
"""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from statistics import median
from typing import NamedTuple, TypeVar

from django.db.models.functions import Now
from django.utils import timezone

from studio.models import TaskState
from videos.engine import poll_times, schedule
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

T = TypeVar("T")
Medians = Mapping[str, Mapping[str, int]]  # seconds, by provider and public model


def expected_seconds(*, provider: str, model: str) -> int | None:
    """How long a new job will take from creation to the stored video; None while no job has succeeded."""
    return _medians(int(time.monotonic() // KEPT_SECONDS)).get(provider, {}).get(model)


@lru_cache(maxsize=1)
def _medians(period: int) -> Medians:
    row = TaskState.objects.filter(name=NAME).first()
    return row.state if row else {}


forget = _medians.cache_clear  # for tests


class Took(NamedTuple):
    """How long a successful job took, in seconds: from creation to the stored video, and the provider's part of it."""

    to_video: float
    generation: float | None


def refresh() -> None:
    """Compute the medians and the plans of polls anew, once a minute among all sweepers."""
    TaskState.objects.get_or_create(name=NAME, defaults={"due_at": from_now(-1)})
    task = TaskState.objects.filter(name=NAME)
    due = task.filter(due_at__lte=Now())
    # exists() first: on SQLite even an UPDATE without a row takes the only write lock
    if due.exists() and due.update(due_at=Now() + REFRESH, updated_at=Now()):
        samples = {provider: found for provider in PROVIDERS if (found := _sample(provider))}
        task.update(state=_for_each(samples, lambda jobs: max(round(median(job.to_video for job in jobs)), 1)))
        poll_times.store(_for_each(samples, lambda jobs: [job.generation for job in jobs if job.generation]))


def _sample(provider: str) -> dict[str, list[Took]]:
    """The last successful jobs, by model."""
    finished = VideoJob.objects.filter(provider=provider, completed_at__isnull=False).order_by("-created_at", "-id")
    sample: dict[str, list[Took]] = defaultdict(list)
    rows = finished.values_list("phase", "model", "created_at", "started_at", "generated_at", "completed_at")
    for phase, model, created_at, started_at, generated_at, completed_at in rows[:SEARCHED]:
        if completed_at and phase == Phase.SUCCEEDED and len(sample[model]) < SAMPLE:
            generation = (generated_at - started_at).total_seconds() if generated_at and started_at else None
            sample[model].append(Took((completed_at - created_at).total_seconds(), generation))
    return {model: jobs for model, jobs in sample.items() if jobs}


def _for_each(
    samples: Mapping[str, Mapping[str, Sequence[Took]]], measure: Callable[[Sequence[Took]], T]
) -> dict[str, dict[str, T]]:
    return {provider: {model: measure(jobs) for model, jobs in models.items()} for provider, models in samples.items()}


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
