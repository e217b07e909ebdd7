"""Sees to it that no stored file outlives what refers to it, whichever process dies when.

A file is registered for removal *before* it is uploaded; the transaction that begins to refer to it takes the
registration back. What nobody took back, and what was handed over by a deletion, the sweeper removes, with retries.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta

from django.core.files.storage import default_storage
from django.db.models import F
from django.db.models.functions import Now

from studio.db.storable_text import storable
from studio.models import Disposal, Heartbeat, TaskState

logger = logging.getLogger(__name__)

# From registration to commit. Above the longest back-off and the longest RQ job together, so that no removal of an
# earlier try falls due while a later one is at work (videos.engine.schedule, settings.RQ_QUEUES).
ADOPTION_SECONDS = 3 * 3600
AT_ONCE = -0.001  # seconds; SQLite's clock ticks in milliseconds, and "now" is due one tick later
RETRY_SECONDS = (60, 300, 1800, 7200)  # after failed removals; the last one goes on for ever

HOLD = "removals"  # of the row whose `due_at` is when removals may begin again
HOLD_SECONDS = 600  # a backup that was killed holds up removals for so long
FORMER_HOLD = "files held"  # as the sweeper of the release before 1.1 reads it, beside a backup of this one


def register(*names: str) -> None:
    """Call before an upload: unless `adopt` is called in time, the files are removed."""
    _schedule(names, seconds=ADOPTION_SECONDS)


def adopt(*names: str) -> None:
    """Call in the transaction that begins to refer to the files."""
    Disposal.objects.filter(name__in=names).delete()


def dispose(names: Iterable[str], *, after_seconds: float = AT_ONCE) -> None:
    """Call in the transaction that ends the last reference to the files; blank names are skipped."""
    _schedule([name for name in names if name], seconds=after_seconds)


def hold_back() -> None:
    """Hold back removals for ten minutes, while a backup copies files; call it again to hold them longer."""
    until = Now() + timedelta(seconds=HOLD_SECONDS)
    TaskState.objects.update_or_create(name=HOLD, defaults={"due_at": until})
    Heartbeat.objects.update_or_create(name=FORMER_HOLD, defaults={"beat_at": Now()})


def release_hold() -> None:
    """Let removals begin again."""
    TaskState.objects.filter(name=HOLD).delete()
    Heartbeat.objects.filter(name=FORMER_HOLD).delete()


def sweep(*, limit: int = 50, is_stopped: Callable[[], bool] = lambda: False) -> int:
    """Remove files whose time has come; returns how many went. A storage that fails is asked again later.

    `is_stopped` is asked before every file; the rest stays due.
    """
    removed = 0
    if TaskState.objects.filter(name=HOLD, due_at__gt=Now()).exists():
        return removed
    for row in list(Disposal.objects.filter(due_at__lte=Now()).order_by("due_at", "id")[:limit]):
        if is_stopped():
            break
        delay = RETRY_SECONDS[min(row.attempts, len(RETRY_SECONDS) - 1)]
        # the claim: of two sweepers one gets the row, and a dead one's row comes back
        claimed = Disposal.objects.filter(pk=row.pk, due_at=row.due_at).update(
            due_at=Now() + timedelta(seconds=delay), attempts=F("attempts") + 1, updated_at=Now()
        )
        if claimed and _removed(row):
            removed += 1
    return removed


def _removed(row: Disposal) -> bool:
    try:
        default_storage.delete(row.name)
    except Exception as exc:  # a storage backend raises what its vendor raises
        logger.warning("removal.failed", extra={"file": row.name, "attempts": row.attempts + 1}, exc_info=True)
        Disposal.objects.filter(pk=row.pk).update(last_error=storable(exc, length=500), updated_at=Now())
        return False
    Disposal.objects.filter(pk=row.pk, attempts=row.attempts + 1).delete()
    return True


def _schedule(names: Iterable[str], *, seconds: float) -> None:
    due_at = Now() + timedelta(seconds=seconds)
    Disposal.objects.bulk_create(
        [Disposal(name=name, due_at=due_at, attempts=0) for name in sorted(names)],  # sorted: one lock order
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["due_at", "attempts"],
    )
