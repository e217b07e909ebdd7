"""Sign-in tokens. Each names its session, and the account's last sign-out at the time when the password was checked.

A token is valid while that is still the last sign-out. The time of issue would not do: checking a password takes a good
part of a second, and a token issued after a sign-out may rest on data read before it.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from rest_framework_simplejwt import tokens as simplejwt
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from accounts.models import Session, User

SIGNED_OUT = "signed_out_at"  # ISO 8601 with microseconds, in UTC; null for an account that has never been signed out
SESSION = "sid"  # the session's id; absent in tokens of releases before 1.2

# A refresh token is accepted for CLOCK_LEEWAY_SECONDS after its expiry, by any machine's clock. Its row records that it
# was used or revoked, so the row stays until no clock can be that far behind.
KEPT_AFTER_END = timedelta(days=1)


class RefreshToken(simplejwt.Token):
    """A refresh token without simplejwt's row for each: the session's row has the id of the valid one."""

    token_type = simplejwt.RefreshToken.token_type
    lifetime = simplejwt.RefreshToken.lifetime


def pair(*, session: Session, user: User) -> dict[str, str]:
    """The tokens of the session's last refresh, for the user as read when the request was authenticated.

    Both follow from the rows alone, so every process makes the same ones, byte for byte.
    """
    access_end = session.refreshed_at + access_lifetime()
    access_id = uuid.uuid5(session.refresh_id, simplejwt.AccessToken.token_type)
    return {
        "access": _signed(simplejwt.AccessToken, access_id, access_end, session=session, user=user),
        "refresh": _signed(RefreshToken, session.refresh_id, session.expires_at, session=session, user=user),
    }


def _signed(
    kind: type[simplejwt.Token], token_id: uuid.UUID, expires_at: datetime, *, session: Session, user: User
) -> str:
    token = kind.for_user(user)
    token.set_iat(at_time=session.refreshed_at)
    token.set_exp(from_time=expires_at, lifetime=timedelta(0))
    token["jti"] = token_id.hex
    token[SIGNED_OUT] = _last_sign_out(user)
    token[SESSION] = str(session.pk)
    return str(token)


def session_of(token: simplejwt.Token) -> uuid.UUID | None:
    """The id of the token's session; None for a token of a release before 1.2. Raises ValueError if it is malformed."""
    return uuid.UUID(token[SESSION]) if SESSION in token else None


def access_lifetime() -> timedelta:
    """How long an access token is valid."""
    lifetime: Any = settings.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"]
    return lifetime  # type: ignore[no-any-return]  # the dictionary holds values of all types


def refresh_lifetime() -> timedelta:
    """How long a refresh token is valid."""
    lifetime: Any = settings.SIMPLE_JWT["REFRESH_TOKEN_LIFETIME"]
    return lifetime  # type: ignore[no-any-return]  # as above


def ended_sessions(*, before: datetime) -> QuerySet[Session]:
    """The sessions whose rows may be removed then; an access token without its row is refused, too."""
    return Session.objects.filter(expires_at__lt=before - KEPT_AFTER_END)


def ended(*, before: datetime) -> QuerySet[OutstandingToken]:
    """The rows of refresh tokens of releases before 1.2 that may be removed then."""
    return OutstandingToken.objects.filter(expires_at__lt=before - KEPT_AFTER_END)


def is_signed_out(*, token: simplejwt.Token, user: User) -> bool:
    """Whether the account has been signed out since the token's sign-in."""
    if SIGNED_OUT in token:
        return bool(token[SIGNED_OUT] != _last_sign_out(user))
    # A token of a version without the claim: its time is in whole seconds, and a tie is refused.
    return bool(user.signed_out_at and token["iat"] <= user.signed_out_at.timestamp())


def _last_sign_out(user: User) -> str | None:
    return user.signed_out_at.isoformat(timespec="microseconds") if user.signed_out_at else None
