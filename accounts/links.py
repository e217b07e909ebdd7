"""The tokens in mailed links, by Django's own generator. Each works for one purpose, once, and for an hour.

A token names its user and has a hash of what its use changes: so the use itself ends it, and no table is needed.
"""

import uuid
from typing import Any

from django.contrib.auth.tokens import PasswordResetTokenGenerator

from accounts.models import User
from studio.errors import InvalidInput

RESET = PasswordResetTokenGenerator()  # ends with a new password, a sign-in, or another address


class _Verification(PasswordResetTokenGenerator):
    """Ends with the verification, or with another address."""

    key_salt = "accounts.links.verification"

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        return f"{user.pk}{user.email}{user.email_verified_at}{timestamp}"


VERIFICATION = _Verification()


class LinkInvalid(InvalidInput):
    """The token of a mailed link is wrong, used or expired, or was made for another purpose."""

    code = "link_invalid"
    message = "This link is not valid any more. Request a new one."


def token_of(*, user: User, purpose: PasswordResetTokenGenerator) -> str:
    """A new token for the user."""
    return f"{user.pk.hex}-{purpose.make_token(user)}"


def owner_of(*, token: str, purpose: PasswordResetTokenGenerator) -> User:
    """The user of a valid token, as read now. Raises LinkInvalid.

    Two requests may both get the user: the caller's UPDATE has to be conditional on what the token's use changes.
    """
    user_id, _, rest = token.partition("-")
    try:
        user = User.objects.filter(pk=uuid.UUID(user_id), is_active=True).first()
    except ValueError as exc:
        raise LinkInvalid from exc
    if user is None or not purpose.check_token(user, rest):
        raise LinkInvalid
    return user
