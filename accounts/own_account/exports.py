"""Exports of an account's data: requested here, made by a task (`operations.account_data`), kept for a day."""

from datetime import timedelta

from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import AccountTask, User
from studio.errors import Conflict

KEPT = timedelta(days=1)
MIB_MAX = 50  # of the ZIP, which is in a row of the database; one of 10,000 video jobs has about 2
RETRY_SECONDS = 3  # a usual export takes less


class ExportTooLarge(Conflict):
    """The ZIP would be larger than MIB_MAX."""

    code = "export_too_large"
    message = f"The export is larger than {MIB_MAX} MiB. Ask the operator of this server for it."


def request(*, user: User, origin: str) -> AccountTask | None:
    """The user's finished export of the last day; None while one is being prepared, which this call begins if needed.

    `origin` is the scheme and host of the links in it. Raises ExportTooLarge if the last one was; one that failed
    otherwise is tried again.
    """
    since = timezone.now() - KEPT
    ended = Q(finished_at__gt=since, content__isnull=False) | Q(failed_at__gt=since)
    last = AccountTask.objects.filter(ended | Q(finished_at=None, failed_at=None), user=user, kind=KIND)
    task = last.defer("content").order_by("-created_at", "-id").first()
    if task and task.failed_at and task.last_error.startswith(ExportTooLarge.__name__):
        raise ExportTooLarge
    if task is None or task.failed_at:
        # the constraint drops a second one, also of a simultaneous request
        new = AccountTask(kind=KIND, user=user, origin=origin, due_at=Now())
        AccountTask.objects.bulk_create([new], ignore_conflicts=True)
        return None
    return task if task.finished_at else None


def content_of(task: AccountTask) -> bytes:
    """The ZIP of an export that `request` returned."""
    content = AccountTask.objects.values_list("content", flat=True).get(pk=task.pk)
    return bytes(content or b"")


def expired() -> QuerySet[AccountTask]:
    """The exports whose content is kept no longer."""
    return AccountTask.objects.filter(finished_at__lt=timezone.now() - KEPT, content__isnull=False)


def remove_expired() -> int:
    """Remove the content of the expired exports; returns their number."""
    return expired().update(content=None, updated_at=Now())


KIND = AccountTask.Kind.EXPORT
