"""Tasks of accounts: add, claim, finish. Their table is the queue, so they need no Redis and survive every crash."""

import logging
import uuid
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import AccountTask, User
from studio.observability.redaction import redact_for_staff

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)  # after which another process repeats a task whose process died
FIRST_RETRY = timedelta(seconds=10)  # then twice as long each time
LAST_RETRY = timedelta(hours=1)
MAX_ATTEMPTS = 30  # about 22 hours; a mail server may be away that long
FAILING_ATTEMPTS = 5  # two and a half minutes after the first one; staff are informed from then on
CANDIDATES = 10  # another process may claim the first ones meanwhile
SHOWN = timedelta(days=3)  # since the request, for a task that was given up


class TryLater(Exception):
    """The task failed for a reason that may pass, such as a mail server that does not respond."""


class CannotSucceed(Exception):
    """The task cannot succeed however often it is tried."""


def add(
    kind: AccountTask.Kind, *, user: User | None = None, email: str = "", after: timedelta = timedelta()
) -> AccountTask:
    """Add a task that is due `after` this time, at once by default, in the caller's transaction."""
    return AccountTask.objects.create(kind=kind, user=user, email=email, due_at=Now() + after)


def claim(kinds: Collection[AccountTask.Kind]) -> AccountTask | None:
    """Claim the task of these kinds that is due the longest; None if none is. Finish or fail it with its lease.

    A task whose processes died at every attempt is given up.
    """
    due = unfinished().filter(kind__in=kinds, due_at__lte=Now())
    for task in due.order_by("due_at", "id")[:CANDIDATES]:
        read = {"pk": task.pk, "lease": task.lease}
        task.lease, task.attempts = uuid.uuid4(), task.attempts + 1
        changes = {"lease": task.lease, "attempts": task.attempts, "due_at": Now() + LEASE, "updated_at": Now()}
        if not due.filter(**read).update(**changes):
            continue
        if task.attempts <= MAX_ATTEMPTS:
            return task
        fail(task, CannotSucceed("Each attempt ended with the death of its process."))
    return None


def renew(task: AccountTask) -> None:
    """Begin the lease again, during a task that may take longer than one."""
    _held(task).update(due_at=Now() + LEASE, updated_at=Now())


def finish(task: AccountTask, *, content: bytes | None = None) -> bool:
    """Record that the task is done; False if the lease was lost meanwhile."""
    changes = {"finished_at": Now(), "content": content, "lease": None, "last_error": "", "updated_at": Now()}
    if not _held(task).update(**changes):
        return False
    logger.info("account_task.finished", extra={"task_id": task.pk, "task_kind": task.kind})
    return True


def fail(task: AccountTask, error: Exception) -> None:
    """Record the failure; the task is tried again later, unless it cannot succeed, or was tried MAX_ATTEMPTS times."""
    is_final = isinstance(error, CannotSucceed) or task.attempts >= MAX_ATTEMPTS
    pause = min(FIRST_RETRY * 2 ** min(task.attempts - 1, 20), LAST_RETRY)
    cause = error.__cause__ or error
    text = redact_for_staff(f"{type(cause).__name__}: {cause}".replace("\0", ""))
    changes = {"lease": None, "due_at": Now() + pause, "last_error": text[:500], "updated_at": Now()}
    if not _held(task).update(**changes, **({"failed_at": Now()} if is_final else {})):
        return
    facts = {"task_id": task.pk, "task_kind": task.kind, "attempts": task.attempts, "error": type(cause).__name__}
    level = logging.ERROR if is_final and task.attempts >= MAX_ATTEMPTS else logging.WARNING
    logger.log(level, "account_task.failed", extra=facts | {"is_final": is_final})


def try_again(*, task: AccountTask) -> bool:
    """Make an unfinished task due at once, with all its attempts; False if it is finished or in progress.

    Not an export: its user may have begun another one.
    """
    waiting = AccountTask.objects.filter(pk=task.pk, finished_at=None, lease=None).exclude(kind=AccountTask.Kind.EXPORT)
    changes = {"failed_at": None, "attempts": 0, "due_at": Now(), "updated_at": Now()}
    if not waiting.update(**changes):
        return False
    logger.info("account_task.repeated", extra={"task_id": task.pk, "task_kind": task.kind})
    return True


def unfinished() -> QuerySet[AccountTask]:
    """The tasks that are due, now or later."""
    return AccountTask.objects.filter(finished_at=None, failed_at=None)


def failing() -> int:
    """The number of tasks that staff should see: they fail again and again, or were given up within three days.

    A refused recipient does not count: a user mistyped an address.
    """
    again_and_again = unfinished().filter(attempts__gte=FAILING_ATTEMPTS)
    given_up = AccountTask.objects.filter(
        created_at__gte=timezone.now() - SHOWN, failed_at__isnull=False, attempts__gte=MAX_ATTEMPTS
    )
    return again_and_again.count() + given_up.count()


def overdue_since() -> datetime | None:
    """When the most overdue task was due."""
    return unfinished().filter(due_at__lte=Now()).order_by("due_at").values_list("due_at", flat=True).first()


def ended(*, before: datetime) -> QuerySet[AccountTask]:
    """The tasks of before that moment which are done or given up."""
    return AccountTask.objects.filter(created_at__lt=before).exclude(finished_at=None, failed_at=None)


def _held(task: AccountTask) -> QuerySet[AccountTask]:
    return AccountTask.objects.filter(pk=task.pk, lease=task.lease)
