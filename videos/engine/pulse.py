"""The sweeper's sign of life, and what it does when the clock of the database has jumped.

Leases, back-offs and next looks are moments of the database's clock. A clock that is set back an hour would have every
job wait for an hour; one that is set forward would have a submit under way taken for dead, and its paid video dropped.
"""

import logging
import time
from datetime import datetime, timedelta

from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from studio.models import Heartbeat
from videos.engine import schedule
from videos.models import VideoJob, from_now
from videos.phases import Phase

logger = logging.getLogger(__name__)

NAME = "sweeper"
JUMP = timedelta(seconds=30)  # less is a slow statement, or a clock that is set right in steps


class Pulse:
    """What one sweeper knows of the clock: the moment of its last sign of life, by the database and by its own count.

    Where several sweepers see one jump, what the second does changes nothing that matters.
    """

    def __init__(self) -> None:
        self._known: tuple[datetime, float] | None = None  # monotonic seconds

    def beat(self) -> None:
        """Leave a sign of life, and mend what a jump since the last one has done. Raises DatabaseError."""
        counted = time.monotonic()
        signs = Heartbeat.objects.filter(name=NAME).values_list("beat_at", flat=True)
        left = signs.first()  # by another sweeper, or before a restart
        Heartbeat.objects.update_or_create(name=NAME, defaults={"beat_at": Now()})
        now = signs.get()
        if self._known is not None:
            jump = now - self._known[0] - timedelta(seconds=counted - self._known[1])
        else:
            jump = min(now - left, timedelta()) if left else timedelta()  # forward: it may just have been away
        self._known = (now, counted)
        if abs(jump) > JUMP:
            mended = _go_back(jump) if jump < timedelta() else _go_forward()
            logger.warning("clock has jumped", extra={"seconds": round(jump.total_seconds()), "jobs": mended})


def _go_back(jump: timedelta) -> int:
    """Move what lies further ahead than any lease. A back-off that began after the jump may end early: no harm."""
    far = VideoJob.objects.live().filter(due_at__gt=from_now(schedule.LEASE))
    return far.update(due_at=F("due_at") + jump, lease_until=F("lease_until") + jump, updated_at=timezone.now())


def _go_forward() -> int:
    """Give submits under way a lease anew; what else is due too early is only done early, or claimed once more."""
    expiry = from_now(schedule.LEASE)
    lost = VideoJob.objects.due(Phase.SUBMITTING).order_by()
    return lost.update(due_at=expiry, lease_until=expiry, updated_at=timezone.now())
