"""The reasons why a token or an API key is refused: each a 401 that says what to do."""

from typing import Any

from rest_framework.exceptions import AuthenticationFailed

from accounts.models import Session


class TokenRefused(AuthenticationFailed):
    """A 401, with the `error` of RFC 6750 (section 3.1) in the header `WWW-Authenticate`."""

    bearer_error = "invalid_token"

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail)

    @property
    def challenge(self) -> str:
        """What follows the realm in `WWW-Authenticate`; the RFC permits neither quotes nor backslashes in it."""
        text = str(self.detail).replace("\\", "").replace('"', "'")
        return f', error="{self.bearer_error}", error_description="{text}"'


class TokenMalformed(TokenRefused):
    """The header has another scheme, no token, or several words."""

    bearer_error = "invalid_request"
    default_code = "token_malformed"
    default_detail: Any = 'The Authorization header is malformed; write "Authorization: Bearer <access>".'


class TokenExpired(TokenRefused):
    """The token's time is over."""

    default_code = "token_expired"
    default_detail: Any = "The token has expired. Exchange the refresh token for a new pair, or sign in."


class TokenInvalid(TokenRefused):
    """The token is no JWT, or another server's."""

    default_code = "token_invalid"
    default_detail: Any = "The token is invalid: it is incomplete, or not from this server. Sign in."


class RefreshUsedAsAccess(TokenRefused):
    """A refresh token in the header `Authorization`."""

    default_code = "refresh_token_used_as_access"
    default_detail: Any = "This is a refresh token. Send the access token of the same response."


class AccessUsedAsRefresh(TokenRefused):
    """An access token in the field `refresh`."""

    default_code = "access_token_used_as_refresh"
    default_detail: Any = "This is an access token. Send the refresh token of the same response."


class UserNotFound(TokenRefused):
    """The token's account no longer exists."""

    default_code = "user_not_found"
    default_detail: Any = "The account no longer exists."


class AccountInactive(TokenRefused):
    """The token's account is deactivated."""

    default_code = "account_inactive"
    default_detail: Any = "The account is deactivated."


class KeyRevoked(TokenRefused):
    """The API key was revoked."""

    default_code = "key_revoked"
    default_detail: Any = "The API key was revoked. Use another one."


class KeyExpired(TokenRefused):
    """The API key's time is over."""

    default_code = "key_expired"
    default_detail: Any = "The API key has expired. Create another one."


class PasswordChanged(TokenRefused):
    """The password changed after the sign-in."""

    default_code = "password_changed"
    default_detail: Any = "The password has been changed. Sign in again."


class SignedOut(TokenRefused):
    """All sessions of the account were ended after the sign-in."""

    default_code = "signed_out"
    default_detail: Any = "The user has been signed out everywhere. Sign in again."


class SessionEnded(TokenRefused):
    """The token's session was ended."""

    default_code = "session_ended"
    default_detail: Any = "The session has ended. Sign in again."

    @classmethod
    def because(cls, reason: str | None) -> "SessionEnded":
        """The refusal that names the reason, one of `Session.End`; None if the session is no longer kept."""
        label = dict(Session.End.choices).get(reason or "")
        return cls(f"The session has ended ({label}). Sign in again." if label else None)
