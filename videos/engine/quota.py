"""Claims due jobs for polling, within the rate limit of each paid provider: PROVIDER_POLLS_PER_MINUTE.

Claiming a job for polling also writes "still running" (next poll, estimated progress). Most polls find exactly that and
write nothing more. A provider's PollQuota row says when its next poll may begin, and is locked during a claim, so that
all sweepers share it. Jobs over the rate limit stay due and are claimed first next time.
"""

import json
import math
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import F
from django.db.models.functions import Now

from studio.db.statements import InParam, Param, Statement, UpdateReturning
from videos.engine import poll_times, progress
from videos.models import Event, PollQuota, VideoJob, events
from videos.phases import Phase
from videos.providers import registry

BURST_SECONDS = 2.0  # seconds' worth of polls that a sweeper may catch up with after late ticks


@dataclass
class ProviderRate:
    """One provider's rate, while its row is locked. No period of 60 seconds has more polls than the setting allows."""

    row: PollQuota
    begins_at: datetime
    allowed: int

    def spend(self, polls: int) -> None:
        """Move the next poll back by the time that these take."""
        next_poll_at = self.begins_at + timedelta(seconds=polls * _spacing())
        PollQuota.objects.filter(pk=self.row.pk).update(next_poll_at=next_poll_at, updated_at=Now())


@dataclass(frozen=True)
class Due:
    """A locked job to poll: the percentage that it shows, and the seconds until it is due again."""

    shown: int
    wait: float


def claim_polls(*, limit: int) -> list[VideoJob]:
    """Claim the due jobs that may be polled now, the longest waiting first; returned in no order.

    Each is due again at its next poll (videos.engine.poll_times), with its progress estimated by its age. The caller
    stores only results that differ from that (poll.is_news).
    """
    with transaction.atomic():
        due = _pick_within_rates(limit) if settings.PROVIDER_POLLS_PER_MINUTE else _pick(limit)
        if not due:
            return []
        waits = json.dumps({job_id.hex: found.wait for job_id, found in due.items()})
        jobs: list[VideoJob] = _CLAIM.all(ids=list(due), waits=waits)
        changed = [(job.owner_id, job.pk) for job in jobs if job.progress_percentage != due[job.pk].shown]
        events.record(Event.Kind.UPDATED, changed)
    return jobs


def _pick(limit: int) -> dict[uuid.UUID, Due]:
    """Lock the longest waiting jobs."""
    return {
        job_id: Due(shown, poll_times.wait(provider=provider, model=model, age=age))
        for job_id, shown, provider, model, age in _DUE.rows(skip=0, limit=limit)
    }


def _pick_within_rates(limit: int) -> dict[uuid.UUID, Due]:
    """Like `_pick`, with no more jobs of a paid provider than its rate allows."""
    rates = {name: _lock(name) for name in _due_providers()}
    jobs = list(_due().exclude(provider__in=registry.PAID)[:limit])
    for name, rate in rates.items():
        jobs += _due().filter(provider=name)[: min(limit, rate.allowed)]
    jobs = sorted(jobs, key=_longest_waiting)[:limit]
    for name, polls in Counter(job.provider for job in jobs if job.provider in rates).items():
        rates[name].spend(polls)
    return {
        job.pk: Due(job.progress_percentage, poll_times.wait(provider=job.provider, model=job.model, age=job.age))
        for job in jobs
    }


def _due() -> Any:
    due = VideoJob.objects.due(Phase.GENERATING).select_for_update(skip_locked=True, no_key=True)
    return due.annotate(age=progress.age())


class _WaitOfRow(models.Func):
    """The seconds that the JSON object of the parameter `waits` has for the row's id, which it spells without hyphens.

    A parameter, so that one statement sets a time of its own for each row.
    """

    output_field = models.DurationField()

    def __init__(self) -> None:
        super().__init__(Param("waits", models.TextField()), F("pk"))

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # in a subquery the JSON is read once, not for each row: 500 jobs took 160 ms in place of 40 (measured)
        template = "MAKE_INTERVAL(secs => ((SELECT %(expressions)s::text, '-', ''))::double precision)"
        return self.as_sql(compiler, connection, template=template, arg_joiner="::jsonb) ->> REPLACE(", **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # SQLite keeps ids without hyphens, and Django's durations are whole microseconds there
        template = "CAST(1000000 * JSON_EXTRACT(%(expressions)s || '\"') AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, arg_joiner=", '$.\"' || ", **context)


_STILL_RUNNING: dict[str, Any] = {
    "due_at": Now() + _WaitOfRow(),
    "progress_percentage": progress.estimated(),
    "updated_at": Now(),
}
_DUE = Statement(lambda: _due().values_list("pk", "progress_percentage", "provider", "model", "age"), in_pages=True)
_CLAIM = UpdateReturning(
    VideoJob, lambda: VideoJob.objects.filter(InParam("pk", "ids", models.UUIDField())), **_STILL_RUNNING
)


def _due_providers() -> list[str]:
    """The paid providers with due polls, sorted: locks are taken in one order."""
    due = VideoJob.objects.due(Phase.GENERATING).filter(provider__in=registry.PAID)
    return sorted(due.order_by().values_list("provider", flat=True).distinct())


def _lock(provider: str) -> ProviderRate:
    PollQuota.objects.get_or_create(provider=provider, defaults={"next_poll_at": Now()})
    row: Any = PollQuota.objects.select_for_update(no_key=True).annotate(now=Now()).get(provider=provider)
    begins_at = max(row.next_poll_at, row.now)
    slack = BURST_SECONDS - (begins_at - row.now).total_seconds()
    return ProviderRate(row, begins_at, allowed=math.floor(slack / _spacing()) + 1 if slack >= 0 else 0)


def _spacing() -> float:
    """Seconds between two polls."""
    return (60 + BURST_SECONDS) / settings.PROVIDER_POLLS_PER_MINUTE


def _longest_waiting(job: VideoJob) -> Any:
    return job.due_at, job.pk
