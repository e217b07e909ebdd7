"""Authenticates requests by access token or API key. A token is verified once; the account is read every time."""

import threading
import time
import uuid
from collections import OrderedDict
from typing import Any

from django.conf import settings
from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import AuthenticationFailed, ExpiredTokenError, TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken, Token, UntypedToken
from rest_framework_simplejwt.utils import get_md5_hash_password

from accounts import tokens
from accounts.models import ApiKey, User
from accounts.roles import BackOfficeOnly
from accounts.sign_in import api_keys, refusals
from accounts.sign_in.identity import USERS
from accounts.sign_in.unverified import require_verified

KEPT = 10_000  # verified tokens in a process, the most recent ones; about 2 kB each


class TokenAuthentication(JWTAuthentication):
    """simplejwt's, which checks each signature only once."""

    _verified: "OrderedDict[bytes, Token]" = OrderedDict()
    _lock = threading.Lock()

    def authenticate(self, request: Request) -> tuple[User, Token | ApiKey] | None:  # type: ignore[override]
        """The user and the token, or the API key; None without a header.

        Raises APIException where it is refused, and EmailUnverified.
        """
        found: Any  # `get_user` returns our users
        if key := api_keys.in_header(self.get_header(request)):
            found = api_keys.authenticate(request, key)
        else:
            found = super().authenticate(request)
        if found:
            require_verified(found[0])
        return found  # type: ignore[no-any-return]

    def get_raw_token(self, header: bytes) -> bytes | None:
        """The token in the header; None for an empty one. Raises TokenMalformed."""
        words = header.split()
        if not words:
            return None
        if len(words) != 2 or words[0].lower() != b"bearer":  # in any case: RFC 9110, 11.1
            raise refusals.TokenMalformed
        return words[1]

    def get_validated_token(self, raw_token: bytes) -> Token:
        """The token. Raises TokenRefused for one that is forged, malformed, expired or of another kind."""
        with self._lock:
            token = self._verified.get(raw_token)
            if token is not None:
                self._verified.move_to_end(raw_token)
        if token is None:
            token = verified(raw_token, kind=AccessToken)
            self._keep(raw_token, token)
        elif self._has_expired(token):
            raise refusals.TokenExpired
        return token

    def get_user(self, validated_token: Token) -> User:  # type: ignore[override]  # no TokenUser: the user is read
        """The token's user, with the state and role of now: read at every request and every refresh.

        Raises TokenRefused for a user who is deactivated, was signed out since, or whose session has ended, and
        AuthenticationFailed for a role that is for the back office only.
        """
        session_id = tokens.session_of(validated_token)
        try:
            user = USERS.get(user_id=uuid.UUID(validated_token["sub"]), session_id=session_id)
        except User.DoesNotExist as exc:
            raise refusals.UserNotFound from exc
        if not user.is_active:
            raise refusals.AccountInactive
        if validated_token.get(api_settings.REVOKE_TOKEN_CLAIM) != get_md5_hash_password(user.password):
            raise refusals.PasswordChanged
        if tokens.is_signed_out(token=validated_token, user=user):
            raise refusals.SignedOut
        if session_id and user.session_end != "":
            raise refusals.SessionEnded.because(user.session_end)
        if user.back_office_only:
            raise AuthenticationFailed(BackOfficeOnly.message, code=BackOfficeOnly.code)
        return user

    @classmethod
    def _keep(cls, raw_token: bytes, token: Token) -> None:
        with cls._lock:
            cls._verified[raw_token] = token
            while len(cls._verified) > KEPT:
                cls._verified.popitem(last=False)

    @staticmethod
    def _has_expired(token: Token) -> bool:
        return bool(token.payload["exp"] <= time.time() - settings.CLOCK_LEEWAY_SECONDS)


def verified(raw_token: bytes | str, *, kind: type[Token]) -> Token:
    """The genuine token. Raises TokenExpired, TokenInvalid, RefreshUsedAsAccess or AccessUsedAsRefresh."""
    try:
        token = kind(raw_token)  # type: ignore[arg-type]  # the stubs want an instance; the library decodes text
        uuid.UUID(token["sub"]), tokens.session_of(token)
    except ExpiredTokenError as exc:
        raise refusals.TokenExpired from exc
    except (TokenError, KeyError, ValueError) as exc:
        raise _mistake(raw_token, kind=kind) from exc
    return token


def _mistake(raw_token: bytes | str, *, kind: type[Token]) -> refusals.TokenRefused:
    """Whether the token is only of the other kind."""
    try:
        found = UntypedToken(raw_token).get("token_type")  # type: ignore[arg-type]  # as above
    except TokenError:
        return refusals.TokenInvalid()
    if kind is AccessToken and found == tokens.RefreshToken.token_type:
        return refusals.RefreshUsedAsAccess()
    if kind is not AccessToken and found == AccessToken.token_type:
        return refusals.AccessUsedAsRefresh()
    return refusals.TokenInvalid()


class TokenScheme(SimpleJWTScheme):  # type: ignore[no-untyped-call]  # as the library has it
    """Describes bearer tokens in the OpenAPI document."""

    target_class = TokenAuthentication  # type: ignore[assignment]  # a class will do, too
    name = "jwtAuth"

    def get_security_definition(self, auto_schema: Any) -> Any:
        text = "An access token, or an API key where the operation has an `x-required-scope`."
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": text}
