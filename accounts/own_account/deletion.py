"""Deletes accounts: at once the user is signed out and anonymous; a task removes the rest (`operations.account_data`).

The ledger and its token account stay, under the user's id.
"""

import logging
from typing import Any

from axes.models import AccessAttempt
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts import access, ledger, roles, tasks
from accounts.models import AccountTask, ApiKey, Session, User
from accounts.own_account import former_addresses
from studio.backoffice import audit
from studio.emails import DELETED_DOMAIN

logger = logging.getLogger(__name__)


def delete(*, user: User) -> None:
    """Delete the user's own account; a repeat changes nothing.

    Afterwards nobody can sign in to it, and its address can be registered again. The background removes what else is
    stored about the person. Raises LastAdmin.
    """
    with transaction.atomic():
        _delete(user)


def delete_by_staff(*, user: User, actor: User | None) -> None:
    """Delete another user's account and record the actor in the audit log; None is the server's console.

    For a deleted account, the removal of what is stored about the person is repeated. Raises LastAdmin.
    """
    with transaction.atomic():
        if not _delete(user):
            tasks.add(AccountTask.Kind.DELETION, user=user)
        audit.record_action(user, "Delete the account", actor=actor)


def _delete(user: User) -> bool:
    """Whether the account existed until now. `user` shows the deleted account afterwards."""
    roles.require_other_admin(user)
    locked = User.objects.select_for_update().filter(pk=user.pk, deleted_at=None).first()
    if locked is not None:
        access.sign_out_everywhere(user=locked, reason=Session.End.ACCOUNT_DELETED)
        # not Now(): the task compares it with dates that this clock gave to rows of the same address
        User.objects.filter(pk=user.pk).update(**_anonymous(user), deleted_at=timezone.now(), updated_at=Now())
        ApiKey.objects.filter(user=user, revoked_at=None).update(revoked_at=Now(), updated_at=Now())
        AccessAttempt.objects.filter(username=locked.email).delete()
        if locked.email_verified_at or ledger.has_charges(user=locked):
            former_addresses.remember(locked.email)
        tasks.add(AccountTask.Kind.DELETION, user=user, email=locked.email)
        logger.info("account.deleted", extra={"user_id": user.pk})
    user.refresh_from_db()
    return locked is not None


def _anonymous(user: User) -> dict[str, Any]:
    """What is written over the person's. `email_verified_at` stays: the task removes invitations only if it is set."""
    return {
        "email": f"deleted-{user.pk}@{DELETED_DOMAIN}",
        "name": "",
        "google_id": None,
        "password": make_password(None),
        "last_login": None,
        "is_active": False,
        "is_staff": False,
        "is_superuser": False,
    }
