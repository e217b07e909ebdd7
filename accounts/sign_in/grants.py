"""What a long response is sent on the strength of, and whether it still counts.

A request is authenticated once. A stream lasts for hours, so the live process asks every few seconds which of its
streams have lost their account, session or API key: for all of them in one statement each.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils import timezone
from rest_framework.request import Request
from rest_framework_simplejwt.tokens import Token

from accounts.models import ApiKey, Session, User
from accounts.sign_in import api_keys, sessions
from accounts.sign_in.identity import caller, is_limited
from studio.db.statements import InParam, Statement


@dataclass(frozen=True)
class Grant:
    """A user, with the session or the API key that was used. `ends_at`: when a token without a session expires."""

    user_id: UUID
    session_id: UUID | None = None
    api_key_id: UUID | None = None
    ends_at: datetime | None = None


def grant_of(request: Request) -> Grant:
    """The grant of an authenticated request."""
    user = caller(request)
    if isinstance(request.auth, Grant):  # of a ticket
        return request.auth
    if isinstance(request.auth, ApiKey):
        return Grant(user.pk, api_key_id=request.auth.pk)
    if session_id := sessions.session_id(request):
        return Grant(user.pk, session_id=session_id)
    # a token of a release before 1.2
    return Grant(user.pk, ends_at=datetime.fromtimestamp(cast("Token", request.auth)["exp"], UTC))


def ended(grants: Collection[Grant]) -> set[Grant]:
    """Those that count no more: the session or key has ended, or the account may not use the API.

    Raises DatabaseError.
    """
    now = timezone.now()
    users = {
        user_id
        for user_id, verified_at in _USERS.rows(ids={grant.user_id for grant in grants})
        if verified_at or not settings.REQUIRE_VERIFIED_EMAIL
    }
    live_sessions = _ids(_SESSIONS, {grant.session_id for grant in grants if grant.session_id})
    keys = _ids(_KEYS, {grant.api_key_id for grant in grants if grant.api_key_id})
    return {
        grant
        for grant in grants
        if grant.user_id not in users
        or (grant.session_id and grant.session_id not in live_sessions)
        or (grant.api_key_id and grant.api_key_id not in keys)
        or (grant.ends_at and grant.ends_at <= now)
    }


def _ids(statement: Statement, ids: set[UUID]) -> set[UUID]:
    return {row[0] for row in statement.rows(ids=ids)} if ids else set()


_AMONG = InParam("pk", "ids", models.UUIDField())
_USERS = Statement(
    lambda: User.objects.filter(~is_limited(), _AMONG, is_active=True).order_by().values_list("pk", "email_verified_at")
)
_SESSIONS = Statement(lambda: Session.objects.live().filter(_AMONG).order_by().values_list("pk"))
_KEYS = Statement(lambda: api_keys.live().filter(_AMONG).order_by().values_list("pk"))
