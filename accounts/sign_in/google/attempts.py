"""One attempt to sign in with Google, at the API or in the admin: verified, counted and recorded."""

import logging
from collections.abc import Callable

from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from accounts.models import Method, User
from accounts.registration import EmailTaken
from accounts.sign_in import history, lockout
from accounts.sign_in.google import id_tokens, matching
from accounts.sign_in.google.id_tokens import Identity
from studio.errors import StudioError

logger = logging.getLogger(__name__)

# Invalid ID tokens are counted as wrong passwords of this account, which no user can have. So they block first the
# sign-ins with Google from their client IP, and all sign-ins from there only much later.
ACCOUNT = "google"


def user_of(
    *,
    id_token: str,
    request: HttpRequest | Request,
    require: Callable[[User], None],
    register: Callable[[Identity], User],
    nonce: str | None = None,
) -> User:
    """The user whom the ID token signs in. Records a refusal; the caller records the success.

    `require` raises for a user who may not sign in there, and `register` creates an account for an unknown one, or
    raises. Raises what both raise, LockedOut, and the errors of `id_tokens.verify` and `matching.link`.
    """
    history.set_method(request, Method.GOOGLE)
    identity = _identity(id_token, nonce, request)
    user = None
    try:
        user = matching.find(identity) or _registered(identity, register)
        lockout.require_open(request, email=user.email)
        require(user)
        matching.link(user=user, identity=identity)
    except (StudioError, APIException):
        history.record(request=request, user=user, succeeded=False, method=Method.GOOGLE)
        raise
    for account in (user.email, ACCOUNT):
        lockout.forget(request, email=account)
    return user


def _identity(id_token: str, nonce: str | None, request: HttpRequest | Request) -> Identity:
    """Whom the token is for. An invalid one is counted."""
    try:
        lockout.require_open(request, email=ACCOUNT)
        return id_tokens.verify(id_token, nonce=nonce)
    except id_tokens.IdTokenInvalid as exc:
        logger.info("google_token.refused", extra={"reason": exc.reason})
        user_login_failed.send(sender=__name__, credentials={"email": ACCOUNT}, request=request)
        if lockout.is_blocked(request):
            raise lockout.refusal(request, email=ACCOUNT) from exc
        raise
    except (StudioError, APIException):
        history.record(request=request, user=None, succeeded=False, method=Method.GOOGLE)
        raise


def _registered(identity: Identity, register: Callable[[Identity], User]) -> User:
    try:
        return register(identity)
    except EmailTaken:
        user = matching.find(identity)  # of two first sign-ins at once, the other one has made it
        if user is None:
            raise
        return user
