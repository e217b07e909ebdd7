"""Who is signed in, and who may be: deactivating people, reactivating them, and ending what they have open."""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Greatest, Now
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from accounts.models import User

logger = logging.getLogger(__name__)

# By the database's clock, whatever the machines' clocks say; and later than the account's last one even where that
# clock was set back, because sessions and tokens know the sign-outs apart by their times.
_LATER = Greatest(Now(), Coalesce(F("signed_out_at") + timedelta(microseconds=1), Now()))


def deactivate(*, user: User) -> None:
    """Deactivate the account: passwords, tokens and sessions are of no use from now on; the jobs go on."""
    with transaction.atomic():
        user.is_active = False
        user.save(update_fields=["is_active", "updated_at"])
        sign_out_everywhere(user=user)
    logger.info("user deactivated", extra={"user_id": user.pk})


def reactivate(*, user: User) -> None:
    """Activate the account again; what was signed in before stays signed out."""
    user.is_active = True
    user.save(update_fields=["is_active", "updated_at"])
    logger.info("user reactivated", extra={"user_id": user.pk})


def sign_out_everywhere(*, user: User) -> None:
    """End every session in the back office, and make every token of the API useless, at once."""
    with transaction.atomic():
        user.signed_out_at = User.objects.select_for_update().values_list(_LATER, flat=True).get(pk=user.pk)
        user.save(update_fields=["signed_out_at", "updated_at"])
        # tokens are refused by the sign-out that they name (accounts.tokens); this one shows in the tables
        live = OutstandingToken.objects.filter(user=user, blacklistedtoken=None, expires_at__gt=timezone.now())
        BlacklistedToken.objects.bulk_create([BlacklistedToken(token=token) for token in live], ignore_conflicts=True)
    logger.info("user signed out everywhere", extra={"user_id": user.pk})
