"""Ensures that no stored file outlives its last reference, even if a process dies.

A file is registered for removal *before* it is uploaded; the transaction that stores the first reference withdraws the
registration. The sweeper removes the other registered files, and those of deleted rows, with retries.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta

from django.core.files.storage import default_storage
from django.db.models import F
from django.db.models.functions import Now

from studio.db.storable_text import storable
from studio.models import Disposal, TaskState

logger = logging.getLogger(__name__)

# From registration to commit. Longer than the longest back-off plus the longest RQ job, so that a removal from an
# earlier try never falls due during a later one (videos.engine.schedule, settings.RQ_QUEUES).
ADOPTION_SECONDS = 3 * 3600
AT_ONCE = -0.001  # seconds; SQLite's clock ticks in milliseconds, and "now" is due one tick later
RETRY_SECONDS = (60, 300, 1800, 7200)  # after failed removals; the last one repeats for ever

HOLD = "removals"  # the name of the row; removals may begin at its `due_at`
HOLD_SECONDS = 600  # a hold expires after this time, in case its backup was killed


def register(*names: str) -> None:
    """Call before an upload: the files are removed unless `adopt` is called in time."""
    _schedule(names, seconds=ADOPTION_SECONDS)


def adopt(*names: str) -> None:
    """Call in the transaction that stores the first reference to the files."""
    if names:
        Disposal.objects.filter(name__in=names).delete()


def dispose(names: Iterable[str], *, after_seconds: float = AT_ONCE) -> None:
    """Call in the transaction that ends the last reference to the files; blank names are skipped."""
    _schedule([name for name in names if name], seconds=after_seconds)


def hold_removals() -> None:
    """Start no removal for ten minutes, while a backup copies files; call again to extend the hold."""
    until = Now() + timedelta(seconds=HOLD_SECONDS)
    TaskState.objects.update_or_create(name=HOLD, defaults={"due_at": until})


def release_hold() -> None:
    """Allow removals again."""
    TaskState.objects.filter(name=HOLD).delete()


def sweep(*, limit: int = 50, is_stopped: Callable[[], bool] = lambda: False) -> int:
    """Remove the files that are due; returns how many were removed. Failed removals are retried later.

    `is_stopped` is checked before each file; the rest stays due.
    """
    removed = 0
    if _is_held():
        return removed
    for row in list(Disposal.objects.filter(due_at__lte=Now()).order_by("due_at", "id")[:limit]):
        if is_stopped():
            break
        delay = RETRY_SECONDS[min(row.attempts, len(RETRY_SECONDS) - 1)]
        # the claim: one of two sweepers gets the row, and the row of a dead one falls due again
        claimed = Disposal.objects.filter(pk=row.pk, due_at=row.due_at).update(
            due_at=Now() + timedelta(seconds=delay), attempts=F("attempts") + 1, updated_at=Now()
        )
        if claimed and _remove(row):
            removed += 1
    return removed


def _is_held() -> bool:
    return TaskState.objects.filter(name=HOLD, due_at__gt=Now()).exists()


def _remove(row: Disposal) -> bool:
    try:
        default_storage.delete(row.name)
    except Exception as exc:  # a storage raises whatever its vendor raises
        logger.warning("file.removal_failed", extra={"file": row.name, "attempts": row.attempts + 1}, exc_info=True)
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
