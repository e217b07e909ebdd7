"""Remembers the addresses of deleted accounts as hashes, so that nobody gets sign-up tokens again and again."""

from datetime import timedelta

from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import FormerAddress
from studio.emails import normal_email


def remember(email: str) -> None:
    """Remember the address for DELETED_ADDRESS_DAYS; call in the transaction that deletes the account.

    Not for an account that neither verified the address nor spent tokens: it gained nothing, and anyone could register
    the address to take the sign-up tokens from its owner.
    """
    if not settings.DELETED_ADDRESS_DAYS:
        return
    row = FormerAddress(
        digest=_digest(email, settings.SECRET_KEY),
        expires_at=timezone.now() + timedelta(days=settings.DELETED_ADDRESS_DAYS),
    )
    FormerAddress.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["digest"], update_fields=["expires_at"]
    )


def is_known(email: str) -> bool:
    """Whether an account of this address was deleted within DELETED_ADDRESS_DAYS."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [_digest(email, key) for key in keys]
    return FormerAddress.objects.filter(digest__in=digests, expires_at__gt=Now()).exists()


def forget_expired() -> None:
    """Delete the rows of addresses whose days are over."""
    FormerAddress.objects.filter(expires_at__lte=Now()).delete()


def _digest(email: str, key: str) -> str:
    return salted_hmac("accounts.former_addresses", normal_email(email), secret=key, algorithm="sha256").hexdigest()
