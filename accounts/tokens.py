"""Sign-in tokens. Each names the account's last sign-out at the time when the password was checked.

A token is valid while that is still the last sign-out. The time of issue would not do: checking a password takes a good
part of a second, and a token issued after a sign-out may rest on data read before it.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken, Token

from accounts.models import User

CLAIM = "signed_out_at"  # ISO 8601 with microseconds, in UTC; null for an account that has never been signed out

# A refresh token is accepted for CLOCK_LEEWAY_SECONDS after its expiry, by any machine's clock. Its row records that it
# was used or revoked, so the row stays until no clock can be that far behind.
KEPT_AFTER_END = timedelta(days=1)


class _AccountToken(Token):
    """Beside simplejwt's in the order of inheritance, so that the table of outstanding tokens has the claim too."""

    @classmethod
    def for_user(cls, user: Any) -> Any:
        """Create a token with the claim `SIGNED_OUT`."""
        token = super().for_user(user)
        token[CLAIM] = _last_sign_out(user)
        return token


class AccountRefreshToken(RefreshToken, _AccountToken):  # type: ignore[misc]  # each has its own kind of token
    """The refresh token of a sign-in or a refresh; its access token has the claim too."""


def ended(*, before: datetime) -> QuerySet[OutstandingToken]:
    """The rows of refresh tokens that may be removed then."""
    return OutstandingToken.objects.filter(expires_at__lt=before - KEPT_AFTER_END)


def is_signed_out(*, token: Token, user: User) -> bool:
    """Whether the account has been signed out since the token's sign-in."""
    if CLAIM in token:
        return bool(token[CLAIM] != _last_sign_out(user))
    # A token of a version without the claim: its time is in whole seconds, and a tie is refused.
    return bool(user.signed_out_at and token["iat"] <= user.signed_out_at.timestamp())


def _last_sign_out(user: User) -> str | None:
    return user.signed_out_at.isoformat(timespec="microseconds") if user.signed_out_at else None
