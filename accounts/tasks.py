"""Tasks of accounts: add, claim, finish. Their table is the queue, so they need no Redis and survive every crash."""

import logging
import uuid
from collections.abc import Collection
from datetime import timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import AccountTask, User

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)  # after which another process repeats a task whose process died
FIRST_RETRY = timedelta(seconds=10)  # then twice as long each time
LAST_RETRY = timedelta(hours=1)
MAX_ATTEMPTS = 30  # about a day; a mail server may be away that long


def add(
    kind: AccountTask.Kind, *, user: User | None = None, email: str = "", after: timedelta = timedelta()
) -> AccountTask:
    """Add a task that is due `after` this time, at once by default, in the caller's transaction."""
    return AccountTask.objects.create(kind=kind, user=user, email=email, due_at=timezone.now() + after)


def claim(kinds: Collection[AccountTask.Kind]) -> AccountTask | None:
    """Claim the task of these kinds that is due the longest; None if none is. Finish or fail it with its lease."""
    due = AccountTask.objects.filter(kind__in=kinds, due_at__lte=Now(), finished_at=None, failed_at=None)
    for task in due.order_by("due_at")[:10]:  # another process may claim the first ones meanwhile
        lease = uuid.uuid4()
        changes = {"lease": lease, "due_at": timezone.now() + LEASE, "attempts": task.attempts + 1}
        if due.filter(pk=task.pk, lease=task.lease).update(**changes, updated_at=Now()):
            for name, value in changes.items():
                setattr(task, name, value)
            return task
    return None


def renew(task: AccountTask) -> None:
    """Begin the lease again, during a task that may take longer than one."""
    _held(task).update(due_at=timezone.now() + LEASE, updated_at=Now())


def finish(task: AccountTask, *, content: bytes | None = None) -> bool:
    """Record that the task is done; False if the lease was lost meanwhile."""
    changes = {"finished_at": Now(), "content": content, "lease": None, "last_error": "", "updated_at": Now()}
    return bool(_held(task).update(**changes))


def fail(task: AccountTask, error: Exception, *, is_final: bool = False) -> None:
    """Record the failure; the task is tried again later, unless `is_final` or after MAX_ATTEMPTS."""
    is_final = is_final or task.attempts >= MAX_ATTEMPTS
    pause = min(FIRST_RETRY * 2 ** min(task.attempts - 1, 20), LAST_RETRY)
    text = f"{type(error).__name__}: {error}".replace("\0", "")[:500]
    _held(task).update(
        due_at=timezone.now() + pause,
        failed_at=Now() if is_final else None,
        lease=None,
        last_error=text,
        updated_at=Now(),
    )
    facts = {"task_id": task.pk, "task_kind": task.kind, "attempts": task.attempts, "error": type(error).__name__}
    logger.warning("account_task.failed", extra=facts | {"is_final": is_final})


def _held(task: AccountTask) -> QuerySet[AccountTask]:
    return AccountTask.objects.filter(pk=task.pk, lease=task.lease)
