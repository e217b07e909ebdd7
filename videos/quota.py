"""How often the paid providers may be asked about their operations: PROVIDER_POLLS_PER_MINUTE, whoever asks.

A provider's row says when its next look may begin, and is locked while looks are taken: sweepers share it. A look that
there is no room for stays due, and has waited longest then.
"""

import math
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models.functions import Now

from studio.statements import Instances
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


def pick(*, limit: int) -> list[VideoJob]:
    """Those of the due jobs that may be looked at now, the longest waiting first; call in a transaction."""
    if not settings.PROVIDER_POLLS_PER_MINUTE:
        return _DUE.all(skip=0, limit=limit)
    due = _due()
    paces = {name: _lock(name) for name in _waiting()}
    jobs = list(due.exclude(provider__in=registry.PAID)[:limit])
    for name, pace in paces.items():
        jobs += due.filter(provider=name)[: min(limit, pace.room)]
    jobs = sorted(jobs, key=_longest_waiting)[:limit]
    for name, looks in Counter(job.provider for job in jobs if job.provider in paces).items():
        paces[name].spend(looks)
    return jobs


def _due() -> VideoJobQuerySet:
    return VideoJob.objects.due(Phase.GENERATING).select_for_update(skip_locked=True, no_key=True)


_DUE = Instances(VideoJob, _due, in_pages=True)


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
