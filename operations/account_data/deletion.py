"""Removes what is stored about the person of a deleted account. Every step can be repeated, and dies anywhere.

The user's row stays without address and name, because the ledger refers to it.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.db.models import Q
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from accounts import mails, tasks
from accounts.models import AccountTask, ApiKey, LedgerEntry, Session, SignIn, User
from looks import use_cases
from looks.models import Look, LookEmailShare, LookKey, LookShare
from operations.account_data import audit_texts
from studio.errors import NotFound
from videos import deletion
from videos.models import SpentKey, VideoJob, WebhookEndpoint

logger = logging.getLogger(__name__)

BATCH = 200  # jobs or looks between two renewals of the task's lease; a few seconds
# A request that began before the deletion may still have created a job or a look: uploads may take minutes.
SECOND_PASS = timedelta(hours=1)


def run(task: AccountTask) -> None:
    """Remove everything but the ledger. Does nothing for an account that exists.

    The first pass adds a task for a second one.
    """
    user = User.objects.select_related("token_account").get(account_tasks=task)
    if user.deleted_at is None:
        return
    # first, because it needs the ids of the jobs and looks
    until = user.deleted_at
    audit_texts.remove(user=user, email=task.email, until=until, rows=_ids_of(user), renew=lambda: tasks.renew(task))
    _each(VideoJob, user, task, lambda pk: deletion.delete(job_id=pk))
    _each(Look, user, task, lambda pk: use_cases.delete_look(look_id=pk))
    for rows in (
        SpentKey.objects.filter(owner=user),
        LookKey.objects.filter(owner=user),
        WebhookEndpoint.objects.filter(owner=user),
        LookShare.objects.filter(user=user),
        SignIn.objects.filter(user=user),
        Session.objects.filter(user=user),
        ApiKey.objects.filter(user=user),
        OutstandingToken.objects.filter(user=user),
        TOTPDevice.objects.filter(user=user),
        StaticDevice.objects.filter(user=user),
        AccountTask.objects.filter(user=user, kind=AccountTask.Kind.EXPORT),
    ):
        rows.delete()
    user.groups.clear()
    user.user_permissions.clear()
    _forget_address(task, user, until=until)
    if user.deleted_at > timezone.now() - SECOND_PASS:
        tasks.add(AccountTask.Kind.DELETION, user=user, after=SECOND_PASS)
    logger.info("account.data_removed", extra={"user_id": user.pk})


def _ids_of(user: User) -> set[str]:
    """The keys of the person's rows in the audit log, also of deleted jobs."""
    of_ledger = LedgerEntry.objects.filter(account=user.token_account, video_job_id__isnull=False)
    ids = {user.pk, user.token_account.pk, *of_ledger.values_list("video_job_id", flat=True)}
    ids.update(VideoJob.objects.filter(owner=user).values_list("pk", flat=True))
    ids.update(ApiKey.objects.filter(user=user).values_list("pk", flat=True))
    ids.update(WebhookEndpoint.objects.filter(owner=user).values_list("pk", flat=True))
    ids.update(Look.objects.filter(owner=user).values_list("pk", flat=True))
    return set(map(str, ids))


def _each(model: Any, user: User, task: AccountTask, remove: Callable[[Any], object]) -> None:
    while ids := list(model.objects.filter(owner=user).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        tasks.renew(task)
        for pk in ids:
            try:
                remove(pk)
            except NotFound:  # another process has removed it
                continue


def _forget_address(task: AccountTask, user: User, *, until: datetime) -> None:
    """Remove rows with the address from before the deletion; later ones are of a new account with the same address.

    Invitations are removed only if the user had verified the address. It may be another person's.
    """
    if not task.email:
        return
    if user.email_verified_at:
        LookEmailShare.objects.filter(email=task.email, created_at__lte=until).delete()
    for model in (AccessAttempt, AccessFailureLog, AccessLog):
        model.objects.filter(username=task.email, attempt_time__lte=until).delete()
    # mails: a deletion of a later account has the address, too, and its own user
    AccountTask.objects.filter(kind__in=mails.LETTERS, email=task.email, created_at__lte=until).filter(
        Q(user=None) | Q(user=user)
    ).delete()
    AccountTask.objects.filter(pk=task.pk).update(email="", updated_at=timezone.now())
