"""The sweeper's heartbeat, and the repair of due times after the database's clock has jumped.

Leases, back-offs and next polls use the database's clock. A clock set back by an hour would make every job
wait for an hour; one set forward would make a running submit appear dead, and its paid video would be dropped.
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
JUMP = timedelta(seconds=30)  # below that, a slow statement or a small clock correction is likelier


class SweeperHeartbeat:
    """Beats for one sweeper process, and compares the database's clock with the process's own between two beats.

    Several sweepers may see the same jump: a second repair does no harm.
    """

    def __init__(self) -> None:
        self._last: tuple[datetime, float] | None = None  # by the database's clock, and monotonic seconds

    def beat(self) -> None:
        """Write the heartbeat, and repair what a jump since the last one has done. Raises DatabaseError."""
        counted = time.monotonic()
        beats = Heartbeat.objects.filter(name=NAME).values_list("beat_at", flat=True)
        previous = beats.first()  # of another sweeper, or of this one before a restart
        Heartbeat.objects.update_or_create(name=NAME, defaults={"beat_at": Now()})
        now = beats.get()
        if self._last is not None:
            jump = now - self._last[0] - timedelta(seconds=counted - self._last[1])
        else:
            jump = min(now - previous, timedelta()) if previous else timedelta()  # forward: it may just have been away
        self._last = (now, counted)
        if abs(jump) > JUMP:
            repaired = _repair_set_back(jump) if jump < timedelta() else _repair_set_forward()
            logger.warning("clock.jumped", extra={"seconds": round(jump.total_seconds()), "jobs": repaired})


def _repair_set_back(jump: timedelta) -> int:
    """Bring back due times further ahead than any lease. A back-off begun after the jump may end early: no harm."""
    far = VideoJob.objects.live().filter(due_at__gt=from_now(schedule.LEASE))
    return far.update(due_at=F("due_at") + jump, lease_until=F("lease_until") + jump, updated_at=timezone.now())


def _repair_set_forward() -> int:
    """Renew the leases of running submits. Other early due times only cause an early step or a second claim."""
    expiry = from_now(schedule.LEASE)
    lost = VideoJob.objects.due(Phase.SUBMITTING).order_by()
    return lost.update(due_at=expiry, lease_until=expiry, updated_at=timezone.now())
