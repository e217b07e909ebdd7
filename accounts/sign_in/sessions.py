"""Sessions of the API: each a family of refresh tokens, of which only the newest is valid.

A refresh is one conditional UPDATE, so of two requests with the same token one wins. The other one, and a client whose
response was lost, get the winner's pair: tokens follow from the row (`accounts.tokens.pair`). A token that was used
earlier than that has been copied, by a thief or from one, and ends the session.
"""

import logging
import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import update_last_login
from django.db import models, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken
from rest_framework_simplejwt.tokens import RefreshToken as OlderRefreshToken
from rest_framework_simplejwt.tokens import Token

from accounts import roles, tokens
from accounts.models import Method, Session, User
from accounts.sign_in import history, refusals
from accounts.sign_in.authentication import TokenAuthentication, verified
from accounts.sign_in.client_ip import network_of
from accounts.sign_in.unverified import require_verified
from studio.db.statements import Param, UpdateReturning
from studio.errors import NotFound

logger = logging.getLogger(__name__)

FRESH = timedelta(minutes=10)  # after a sign-in, in which no password is asked for again


def begin(*, user: User, request: Request, method: Method) -> dict[str, Any]:
    """Start a session of a user who has just proved who they are, and record the sign-in.

    Returns the response: `access`, `refresh` and `expiresIn` (seconds). Raises BackOfficeOnly, which is recorded too.
    """
    if roles.is_limited(user):
        history.record(request=request, user=user, succeeded=False, method=method)
        raise roles.BackOfficeOnly
    with transaction.atomic():
        session = _create(user=user, request=request, method=method, signed_in_at=timezone.now())
        history.record(request=request, user=user, succeeded=True, method=method)
        update_last_login(None, user)  # type: ignore[arg-type]  # as simplejwt calls it; there is no sender
    return _response(session, user)


def refresh(token: str, *, request: Request) -> dict[str, Any]:
    """Exchange a refresh token for the next pair; returns what `begin` does.

    Raises TokenRefused, EmailUnverified, or AuthenticationFailed for a role that is for the back office only.
    """
    old = verified(token, kind=tokens.RefreshToken)
    user = TokenAuthentication().get_user(old)
    require_verified(user)
    session_id = tokens.session_of(old)
    # A process of 1.1 uses and revokes tokens there, also those of a session; see `_adopt`.
    if BlacklistedToken.objects.filter(token__jti=old["jti"]).exists():
        raise refusals.SessionEnded
    if session_id is None:
        return _response(_adopt(token, user=user, request=request), user)
    return _rotate(session_id=session_id, token_id=uuid.UUID(old["jti"]), user=user, request=request)


def renew(*, session_id: uuid.UUID, user: User, request: Request) -> dict[str, Any]:
    """New tokens for a session that `end_all` kept: those from before a change of password are refused.

    Raises SessionEnded.
    """
    newest = Session.objects.filter(pk=session_id, user=user).values_list("refresh_id", flat=True).first()
    if newest is None:
        raise refusals.SessionEnded
    return _rotate(session_id=session_id, token_id=newest, user=user, request=request)


def revoke(token: str) -> None:
    """End the session of a refresh token, used or not; a repeat changes nothing. Raises TokenRefused."""
    found = verified(token, kind=tokens.RefreshToken)
    _blacklist(token)  # for processes of 1.1, which know no sessions
    if session_id := tokens.session_of(found):
        for session in Session.objects.filter(pk=session_id):
            end(session=session, reason=Session.End.SIGNED_OUT)


def end(*, session: Session, reason: Session.End) -> bool:
    """End the session with its tokens; False if it had ended before."""
    ended = bool(Session.objects.filter(pk=session.pk).end(reason))
    if ended:
        logger.info(
            "session.ended", extra={"session_id": session.pk, "user_id": session.user_id, "reason": reason.value}
        )
    return ended


def end_own(*, user: User, session_id: uuid.UUID, current: uuid.UUID | None) -> None:
    """End a live session of the user, who uses the session `current`. Raises NotFound."""
    session = Session.objects.live().filter(pk=session_id, user=user).first()
    if session is None:
        raise NotFound
    end(session=session, reason=Session.End.SIGNED_OUT if session_id == current else Session.End.ENDED)


def end_all(*, user: User, reason: Session.End, keep: uuid.UUID | None = None) -> None:
    """End all sessions of the user, except `keep`; `accounts.access` signs out of the back office as well."""
    ended = Session.objects.filter(user=user).exclude(pk__in=[keep] if keep else []).end(reason)
    logger.info("sessions.ended", extra={"user_id": user.pk, "sessions": ended, "reason": reason.value})


def session_id(request: Request) -> uuid.UUID | None:
    """The session of the request's access token; None for an API key, and for a token of a release before 1.2."""
    return tokens.session_of(request.auth) if isinstance(request.auth, Token) else None


def in_header(request: Request) -> uuid.UUID | None:
    """The live session of the access token that a request to a public endpoint carries; None with any other header."""
    authentication = TokenAuthentication()
    try:
        raw_token = authentication.get_raw_token(authentication.get_header(request) or b"")
        if raw_token is None:
            return None
        token = authentication.get_validated_token(raw_token)
        authentication.get_user(token)
    except AuthenticationFailed:
        return None
    return tokens.session_of(token)


def is_fresh(request: Request) -> bool:
    """Whether the request's session began with a sign-in within the last ten minutes."""
    known = session_id(request)
    return known is not None and Session.objects.filter(pk=known, signed_in_at__gte=Now() - FRESH).exists()


def _create(*, user: User, request: Request, method: Method, **fields: Any) -> Session:
    now = timezone.now()
    return Session.objects.create(
        user=user,
        method=method,
        refresh_id=uuid.uuid4(),
        refreshed_at=now,
        expires_at=now + tokens.refresh_lifetime(),
        client_ip=network_of(request),
        client=history.program_of(request),
        **fields,
    )


# By the database's clock, as the machines' clocks differ: by more than REFRESH_REUSE_SECONDS, a rival would be a thief.
_ROTATE = UpdateReturning(
    Session,
    lambda: Session.objects.filter(
        pk=Param("session", models.UUIDField()), refresh_id=Param("token", models.UUIDField()), ended_at=None
    ),
    former_refresh_id=F("refresh_id"),
    refresh_id=Param("next", models.UUIDField()),
    refreshed_at=Now(),
    expires_at=Now() + Param("lifetime", models.DurationField()),
    client_ip=Param("client_ip", models.GenericIPAddressField(null=True)),
    client=Param("client", models.CharField()),
    updated_at=Now(),
)


def _rotate(*, session_id: uuid.UUID, token_id: uuid.UUID, user: User, request: Request) -> dict[str, Any]:
    changed = _ROTATE.all(
        session=session_id,
        token=token_id,
        next=uuid.uuid4(),
        lifetime=tokens.refresh_lifetime(),
        client_ip=network_of(request),
        client=history.program_of(request),
    )
    if changed:
        return _response(changed[0], user)
    return _repeat(session_id=session_id, token_id=token_id, user=user)


def _repeat(*, session_id: uuid.UUID, token_id: uuid.UUID, user: User) -> dict[str, Any]:
    """The pair that the token was exchanged for a moment ago; a token that was used earlier ends the session."""
    session: Any = Session.objects.filter(pk=session_id).annotate(now=Now()).first()
    if session is None or session.ended_at:
        raise refusals.SessionEnded.because(session.end_reason if session else None)
    age = session.now - session.refreshed_at
    if token_id == session.former_refresh_id and age <= timedelta(seconds=settings.REFRESH_REUSE_SECONDS):
        return _response(session, user, age=age)
    if end(session=session, reason=Session.End.REUSED):
        logger.warning("session.token_reused", extra={"session_id": session.pk, "user_id": user.pk})
    raise refusals.SessionEnded.because(Session.End.REUSED)


def _response(session: Session, user: User, *, age: timedelta = timedelta(0)) -> dict[str, Any]:
    left = int(tokens.access_lifetime().total_seconds()) - int(age.total_seconds())
    return {**tokens.pair(session=session, user=user), "expiresIn": left}


# Processes of 1.1 issue tokens without a session, and run beside ours during a deploy. Such a refresh token works once,
# as it did there. Remove `_adopt`, `_blacklist` and the check in `refresh` in 1.3: by then, the last of these tokens
# has expired (REFRESH_DAYS after the last process of 1.1), or its user signs in again.


def _adopt(token: str, *, user: User, request: Request) -> Session:
    """Use up a refresh token of 1.1, and continue its sign-in as a session. Raises SessionEnded."""
    with transaction.atomic():
        if not _blacklist(token):
            raise refusals.SessionEnded
        return _create(user=user, request=request, method=Method.PASSWORD)


class _AnyRefreshToken(OlderRefreshToken):
    """A genuine refresh token, revoked or not."""

    def check_blacklist(self) -> None:
        """Do nothing: `_blacklist` reports it."""


def _blacklist(token: str) -> bool:
    """Enter a genuine refresh token in the blacklist; False if it is there."""
    return bool(_AnyRefreshToken(token).blacklist()[1])  # type: ignore[arg-type, index]  # annotated wrongly: it takes text, and returns get_or_create's pair
