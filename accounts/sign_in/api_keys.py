"""API keys: made, revoked, and accepted in place of an access token.

A key is `ais_`, 43 random letters and digits (256 bits), and the CRC-32 of all that in 8 hexadecimal digits. By its
checksum, a program that searches for secrets recognises a key, and a mistyped one is refused without a query. Only the
SHA-256 of a key is stored. It needs no salt and no slow hash, as a password does: nobody can try 2**256 keys.
"""

import hashlib
import logging
import re
import secrets
import string
import zlib
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.request import Request

from accounts.models import ApiKey, User
from accounts.roles import BackOfficeOnly
from accounts.sign_in import refusals
from accounts.sign_in.identity import caller_in, with_caller
from studio.api.scopes import SCOPES, required_scope
from studio.backoffice import audit
from studio.db.statements import Param, Statement, Update
from studio.errors import Conflict
from studio.models import ended_before, is_usable
from studio.observability import log

logger = logging.getLogger(__name__)

PREFIX = "ais_"
SHOWN = len(PREFIX) + 8  # characters of a key that lists show; 35 random ones remain, 208 bits
MAX_LIVE = 50  # keys of an account that are neither revoked nor expired
USE_IS_KEPT = timedelta(hours=1)  # how far `last_used_at` may be behind
META_ID = "studio.api_key_id"  # in the request's environment, for the server's log of requests
_DIGITS = string.ascii_letters + string.digits
_RANDOM = 43  # digits: the least n with 62**n >= 2**256
_FORM = re.compile(rf"(?P<signed>{PREFIX}[0-9A-Za-z]{{{_RANDOM}}})(?P<checksum>[0-9a-f]{{8}})")
_COLUMNS = [field.attname for field in ApiKey._meta.concrete_fields]
_BY_DIGEST = Statement(
    lambda: with_caller(ApiKey.objects.filter(digest=Param("digest", models.CharField())), *_COLUMNS, path="user__")
)
_USE = Update(
    lambda: ApiKey.objects.order_by().filter(
        Q(last_used_at=None) | Q(last_used_at__lt=Param("before", models.DateTimeField())),
        pk=Param("id", models.UUIDField()),
    ),
    last_used_at=Param("now", models.DateTimeField()),
    updated_at=Param("now", models.DateTimeField()),
)


class TooManyKeys(Conflict):
    """The account has as many usable keys as it may have."""

    code = "too_many_keys"
    message = f"You have {MAX_LIVE} API keys. Revoke one that is no longer used."


class VerifiedMeanwhile(Conflict):
    """The address was verified after the request was authenticated."""

    message = "The e-mail address was verified at the same time. Try again."


class InsufficientScope(APIException):
    """The key may not send this request; RFC 6750, 3.1."""

    status_code = 403
    default_code = "key_scope"

    def __init__(self, needed: str | None) -> None:
        self.auth_header = 'Bearer error="insufficient_scope"'
        if needed is None:
            super().__init__("API keys are not accepted here. Sign in.")
            return
        self.auth_header += f', scope="{needed}"'
        super().__init__(f"The API key lacks the scope {needed}.")


def create(*, user: User, name: str, scopes: Collection[str], expires_at: datetime | None = None) -> tuple[ApiKey, str]:
    """Create a key; returns its row, and the key itself, which cannot be read again.

    Raises TooManyKeys and VerifiedMeanwhile.
    """
    text = _new_key()
    with transaction.atomic():
        # two requests must not both create the last one
        now = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        # a verification revoked the keys, and ended the caller's session
        if now.email_verified_at and not user.email_verified_at:
            raise VerifiedMeanwhile
        if live().filter(user=user).count() >= MAX_LIVE:
            raise TooManyKeys
        key = ApiKey.objects.create(
            user=user,
            name=name,
            prefix=text[:SHOWN],
            digest=digest_of(text),
            scopes=[scope for scope in SCOPES if scope in scopes],
            expires_at=expires_at,
        )
    logger.info("api_key.created", extra={"api_key_id": key.pk, "user_id": user.pk})
    return key, text


def revoke(*, key: ApiKey, actor: User) -> None:
    """Revoke the key at once; a repeat changes nothing. The audit log records revocations of another user's key."""
    with transaction.atomic():
        if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=Now(), updated_at=Now()):
            return
        if actor.pk != key.user_id:
            audit.record_action(key, "Revoke", actor=actor, owner=key.user.email)
    logger.info("api_key.revoked", extra={"api_key_id": key.pk, "user_id": key.user_id, "actor_id": actor.pk})


def revoke_all(*, user: User) -> None:
    """Revoke every key of the user."""
    revoked = ApiKey.objects.filter(user=user, revoked_at=None).update(revoked_at=Now(), updated_at=Now())
    logger.info("api_keys.revoked", extra={"user_id": user.pk, "keys": revoked})


def live() -> QuerySet[ApiKey]:
    """The keys that are neither revoked nor expired."""
    return ApiKey.objects.filter(is_usable())


def ended(*, before: datetime) -> QuerySet[ApiKey]:
    """The keys that were revoked or expired before the moment."""
    return ApiKey.objects.filter(ended_before(before))


def in_header(header: bytes | None) -> str | None:
    """The key in an `Authorization` header; None if it has none, or something else."""
    words = (header or b"").split()
    if len(words) != 2 or words[0].lower() != b"bearer" or not words[1].startswith(PREFIX.encode()):
        return None
    return words[1].decode(errors="replace")


def authenticate(request: Request, text: str) -> tuple[User, ApiKey]:
    """The user of the key, as the database has them now, and the key.

    Raises AuthenticationFailed, and InsufficientScope where the key may not send this request to this view.
    """
    key, user = _read(text)
    log.add(api_key_id=str(key.pk))
    request.META[META_ID] = str(key.pk)
    now = timezone.now()
    if key.revoked_at:
        raise refusals.KeyRevoked
    if key.expires_at and key.expires_at <= now:
        raise refusals.KeyExpired
    if not user.is_active:
        raise refusals.AccountInactive
    if user.back_office_only:
        raise AuthenticationFailed(BackOfficeOnly.message, code=BackOfficeOnly.code)
    needed = required_scope(request.parser_context["view"], request.method)
    if needed not in key.scopes:
        raise InsufficientScope(needed)
    _record_use(key, now)
    return user, key


def is_well_formed(text: str) -> bool:
    """Whether the text can be a key: its checksum is right."""
    found = _FORM.fullmatch(text)
    return bool(found and found["checksum"] == _checksum(found["signed"]))


def digest_of(text: str) -> str:
    """What is stored of a key."""
    return hashlib.sha256(text.encode()).hexdigest()


def _new_key() -> str:
    text = PREFIX + "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM))
    return text + _checksum(text)


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


def _read(text: str) -> tuple[ApiKey, User]:
    """The key with its user. Raises AuthenticationFailed."""
    if not is_well_formed(text):
        raise refusals.TokenMalformed("The API key is mistyped: its checksum is wrong.")
    row = _BY_DIGEST.row(digest=digest_of(text))
    if row is None:
        raise refusals.TokenInvalid("There is no such API key.")
    return ApiKey.from_db("default", _COLUMNS, row[: len(_COLUMNS)]), caller_in(row[len(_COLUMNS) :])


def _record_use(key: ApiKey, now: datetime) -> None:
    """Record the use, unless one of the last hour is: a request must not cost an UPDATE."""
    before = now - USE_IS_KEPT
    if key.last_used_at is None or key.last_used_at < before:
        _USE.run(id=key.pk, now=now, before=before)
