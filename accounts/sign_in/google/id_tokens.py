"""Verifies Google's ID tokens with google-auth.

The rules are from https://developers.google.com/identity/openid-connect/openid-connect, read 2026-11.
"""

import logging
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.crypto import constant_time_compare

from accounts.sign_in.google import keys
from accounts.sign_in.refusals import TokenRefused
from studio.emails import normal_email, require_plain
from studio.errors import NotAllowed

logger = logging.getLogger(__name__)

ISSUERS = ("accounts.google.com", "https://accounts.google.com")
SUBJECT_MAX = 255  # characters; by the same page
EMAIL_MAX = 254  # characters; RFC 5321, and the column


@dataclass(frozen=True)
class Identity:
    """Who signs in, by Google's word: the id of the Google account, and its verified e-mail address."""

    subject: str
    email: str


class IdTokenInvalid(TokenRefused):
    """The text is no ID token of Google for this server, or it has expired."""

    default_code = "google_token_invalid"
    default_detail: Any = "This is no valid ID token of Google for this server, or it has expired. Sign in again."

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class EmailNotVerified(NotAllowed):
    """Google does not vouch for the address."""

    code = "google_email_unverified"
    message = "Google has not verified the e-mail address of this Google account."


class WrongDomain(NotAllowed):
    """The Google account does not belong to GOOGLE_HOSTED_DOMAIN."""

    code = "google_domain_refused"
    message = "Only Google accounts of one organisation may sign in here, and this one does not belong to it."


def verify(token: str, *, nonce: str | None = None) -> Identity:
    """Whom the token is for. With a `nonce`, the token must have the same.

    Raises IdTokenInvalid, EmailNotVerified, WrongDomain or GoogleUnavailable.
    """
    claims = _verified_claims(token)
    _require(claims.get("iss") in ISSUERS, "issuer")
    _require(claims.get("aud") in settings.GOOGLE_CLIENT_IDS, "audience")
    _require(_is_started(claims.get("nbf", 0)), "not yet valid")
    if nonce is not None:
        _require(constant_time_compare(str(claims.get("nonce")), nonce), "nonce")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_MAX or not subject.isprintable():
        raise IdTokenInvalid("subject")
    if settings.GOOGLE_HOSTED_DOMAIN and str(claims.get("hd")).lower() != settings.GOOGLE_HOSTED_DOMAIN:
        raise WrongDomain
    if claims.get("email_verified") is not True:  # not a text: "false" would be true
        raise EmailNotVerified
    return Identity(subject=subject, email=_email_in(claims))


def _verified_claims(token: str) -> dict[str, Any]:
    """The claims of a token whose signature and times are valid."""
    # It loads 80 modules, and most processes never verify such a token.
    from google.auth import jwt  # noqa: PLC0415 - see above
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - as above

    refused = (GoogleAuthError, ValueError, TypeError, RecursionError)  # of malformed tokens, beside its own error
    try:
        key_id = jwt.decode_header(token).get("kid")  # type: ignore[no-untyped-call]  # as the library has it
    except refused as exc:
        raise IdTokenInvalid("malformed") from exc
    certificate = keys.KEYS.certificate(key_id) if isinstance(key_id, str) else None
    if certificate is None:
        raise IdTokenInvalid("unknown key")
    try:
        claims: dict[str, Any] = jwt.decode(  # type: ignore[no-untyped-call]  # as above
            token, certs={key_id: certificate}, clock_skew_in_seconds=settings.CLOCK_LEEWAY_SECONDS
        )
    except refused as exc:
        raise IdTokenInvalid("signature or time") from exc
    return claims


def _require(is_right: bool, reason: str) -> None:
    if not is_right:
        raise IdTokenInvalid(reason)


def _is_started(not_before: Any) -> bool:
    """Whether the time is over before which the token is not valid; google-auth does not check it."""
    return isinstance(not_before, int | float) and not_before <= time.time() + settings.CLOCK_LEEWAY_SECONDS


def _email_in(claims: dict[str, Any]) -> str:
    email = claims.get("email")
    _require(isinstance(email, str), "email")
    address = normal_email(str(email))
    try:
        validate_email(address)
        require_plain(address)
    except ValidationError as exc:
        raise IdTokenInvalid("email") from exc
    _require(len(address) <= EMAIL_MAX, "email")
    return address
