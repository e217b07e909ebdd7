"""Which generating jobs are looked at now, and how often the paid providers may be asked: PROVIDER_POLLS_PER_MINUTE.

A job that is taken for a look is said to go on, which is what nearly every look shows; then nothing is left to write. A
provider's row says when its next look may begin, and is locked while looks are taken: sweepers share it. A look that
there is no room for stays due, and has waited longest then.
"""

import math
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models.functions import Now

from studio.db.statements import InPage, InParam, Param, Statement, UpdateReturning
from videos.engine import progress, schedule
from videos.models import PollQuota, VideoJob, VideoJobQuerySet
from videos.phases import Phase
from videos.providers import registry

BURST_SECONDS = 2.0  # what a sweeper that was late by some ticks may catch up with at once


@dataclass
class Pace:
    """One provider's, while its row is locked. No 60 seconds see more than the setting, also where a burst begins."""

    row: PollQuota
    begins_at: datetime
    room: int

    def spend(self, looks: int) -> None:
        """Put the next look off by as much as these take."""
        next_look_at = self.begins_at + timedelta(seconds=looks * _spacing())
        PollQuota.objects.filter(pk=self.row.pk).update(next_look_at=next_look_at, updated_at=Now())


def take(*, limit: int) -> list[VideoJob]:
    """Take the due jobs that may be looked at now, those first that have waited longest; returned in no order.

    Each is due again after POLL_EVERY, and its progress is what its age lets expect. Whoever takes it writes down what
    else a look shows (generation.is_news), and nothing where it shows just that.
    """
    if not settings.PROVIDER_POLLS_PER_MINUTE:
        return _TAKE_DUE.all(skip=0, limit=limit, wait=_wait())
    with transaction.atomic():
        return _TAKE.all(ids=[job.pk for job in _pick(limit)], wait=_wait())


def _wait() -> timedelta:
    # The sweeper comes by every TICK, so half of one late on average: that much earlier makes POLL_EVERY in the end.
    return timedelta(seconds=max(schedule.POLL_EVERY - schedule.TICK / 2, 0))


def _pick(limit: int) -> list[VideoJob]:
    paces = {name: _lock(name) for name in _waiting()}
    jobs = list(_due().exclude(provider__in=registry.PAID)[:limit])
    for name, pace in paces.items():
        jobs += _due().filter(provider=name)[: min(limit, pace.room)]
    jobs = sorted(jobs, key=_longest_waiting)[:limit]
    for name, looks in Counter(job.provider for job in jobs if job.provider in paces).items():
        paces[name].spend(looks)
    return jobs


def _due() -> VideoJobQuerySet:
    return VideoJob.objects.due(Phase.GENERATING).select_for_update(skip_locked=True, no_key=True)


_GOES_ON: dict[str, Any] = {
    "due_at": Now() + Param("wait", models.DurationField()),
    "progress_percentage": progress.estimated(),
    "updated_at": Now(),
}
_PAGE = Statement(lambda: _due().values_list("pk"), in_pages=True)
_TAKE_DUE = UpdateReturning(VideoJob, lambda: VideoJob.objects.filter(InPage("pk", _PAGE)), **_GOES_ON)
_TAKE = UpdateReturning(VideoJob, lambda: VideoJob.objects.filter(InParam("pk", "ids", models.UUIDField())), **_GOES_ON)


def _waiting() -> list[str]:
    """The paid providers with a look that is due; always in one order, as locks should be."""
    due = VideoJob.objects.due(Phase.GENERATING).filter(provider__in=registry.PAID)
    return sorted(due.order_by().values_list("provider", flat=True).distinct())


def _lock(provider: str) -> Pace:
    PollQuota.objects.get_or_create(provider=provider, defaults={"next_look_at": Now()})
    row: Any = PollQuota.objects.select_for_update(no_key=True).annotate(now=Now()).get(provider=provider)
    begins_at = max(row.next_look_at, row.now)
    slack = BURST_SECONDS - (begins_at - row.now).total_seconds()
    return Pace(row, begins_at, room=math.floor(slack / _spacing()) + 1 if slack >= 0 else 0)


def _spacing() -> float:
    """Seconds between two looks."""
    return (60 + BURST_SECONDS) / settings.PROVIDER_POLLS_PER_MINUTE


def _longest_waiting(job: VideoJob) -> Any:
    return job.due_at, job.pk
