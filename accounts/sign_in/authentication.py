"""Authenticates requests by access token or API key. A token is verified once; the account is read every time."""

import threading
import time
from collections import OrderedDict
from typing import Any

from django.conf import settings
from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import AuthenticationFailed
from rest_framework_simplejwt.tokens import Token

from accounts import tokens
from accounts.models import ApiKey, User
from accounts.roles import BackOfficeOnly
from accounts.sign_in import api_keys
from accounts.sign_in.identity import USERS

KEPT = 10_000  # verified tokens in a process, the most recent ones; about 2 kB each


class TokenAuthentication(JWTAuthentication):
    """simplejwt's, which checks each signature only once."""

    _verified: "OrderedDict[bytes, Token]" = OrderedDict()
    _lock = threading.Lock()

    def __init__(self) -> None:
        super().__init__()
        # simplejwt gets the user from it, and checks the user's state
        self.user_model = USERS  # type: ignore[assignment]  # it has the part of a model that simplejwt uses

    def authenticate(self, request: Request) -> tuple[User, Token | ApiKey] | None:  # type: ignore[override]
        """The user and the token, or the API key; None without a header. Raises APIException where it is refused."""
        if key := api_keys.in_header(self.get_header(request)):
            return api_keys.authenticate(request, key)
        return super().authenticate(request)  # type: ignore[return-value]  # `get_user` returns our users

    def get_raw_token(self, header: bytes) -> bytes | None:
        """The token in the header; None for another scheme. Raises AuthenticationFailed for a malformed one."""
        words = header.split()
        if words and words[0].lower() == b"bearer":  # in any case: RFC 9110, 11.1; simplejwt knows one spelling
            words[0] = b"Bearer"
        return super().get_raw_token(b" ".join(words))

    def get_validated_token(self, raw_token: bytes) -> Token:
        """The token. Raises InvalidToken for one that is forged, malformed or expired."""
        with self._lock:
            token = self._verified.get(raw_token)
            if token is not None:
                self._verified.move_to_end(raw_token)
        if token is None:
            token = super().get_validated_token(raw_token)
            self._keep(raw_token, token)
        elif self._has_expired(token):
            return super().get_validated_token(raw_token)  # raises simplejwt's error
        return token

    def get_user(self, validated_token: Token) -> User:  # type: ignore[override]  # no TokenUser: the user is read
        """The token's user, with the state and role of now: read at every request and every refresh.

        Raises AuthenticationFailed for a user who is deactivated, was signed out since, or has a role for the back
        office only.
        """
        user = super().get_user(validated_token)
        assert isinstance(user, User)
        if tokens.is_signed_out(token=validated_token, user=user):
            raise AuthenticationFailed("The user has been signed out.", code="signed_out")
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


class TokenScheme(SimpleJWTScheme):  # type: ignore[no-untyped-call]  # as the library has it
    """Describes bearer tokens in the OpenAPI document."""

    target_class = TokenAuthentication  # type: ignore[assignment]  # a class will do, too
    name = "jwtAuth"

    def get_security_definition(self, auto_schema: Any) -> Any:
        text = "An access token, or an API key where the operation has an `x-required-scope`."
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": text}
