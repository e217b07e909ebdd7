"""Deactivates and reactivates users, and signs them out."""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Greatest, Now
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from accounts.models import Session, User
from studio.errors import Conflict

logger = logging.getLogger(__name__)

# By the database's clock, as the machines' clocks differ. Later than the account's last sign-out even if that clock was
# set back: sessions and tokens distinguish sign-outs by their times.
_LATER = Greatest(Now(), Coalesce(F("signed_out_at") + timedelta(microseconds=1), Now()))


class AccountDeleted(Conflict):
    """The account was deleted."""

    code = "account_deleted"
    message = "This account was deleted."


def deactivate(*, user: User) -> None:
    """Deactivate the account: its password, tokens and sessions stop working at once; its jobs continue."""
    with transaction.atomic():
        user.is_active = False
        user.save(update_fields=["is_active", "updated_at"])
        sign_out_everywhere(user=user)
    logger.info("user.deactivated", extra={"user_id": user.pk})


def reactivate(*, user: User) -> None:
    """Activate the account again; earlier sessions and tokens stay signed out. Raises AccountDeleted."""
    if user.deleted_at:
        raise AccountDeleted
    user.is_active = True
    user.save(update_fields=["is_active", "updated_at"])
    logger.info("user.reactivated", extra={"user_id": user.pk})


def sign_out_everywhere(*, user: User, reason: Session.End = Session.End.STAFF) -> None:
    """End every session in the back office and every session of the API with its tokens, at once."""
    with transaction.atomic():
        user.signed_out_at = User.objects.select_for_update().values_list(_LATER, flat=True).get(pk=user.pk)
        user.save(update_fields=["signed_out_at", "updated_at"])
        # `accounts.tokens` refuses tokens by the sign-out that they name; the rows show it in the tables
        Session.objects.filter(user=user).end(reason)
        live = OutstandingToken.objects.filter(user=user, blacklistedtoken=None, expires_at__gt=timezone.now())
        BlacklistedToken.objects.bulk_create([BlacklistedToken(token=token) for token in live], ignore_conflicts=True)
    logger.info("user.signed_out", extra={"user_id": user.pk, "reason": reason})
