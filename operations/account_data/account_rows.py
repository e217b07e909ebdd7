"""The rows of an export that `accounts` has: sign-ins, sessions, API keys, the ledger."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import QuerySet

from accounts.backoffice.exports import escape_formula
from accounts.models import ApiKey, LedgerEntry, Session, SignIn, User
from studio.db import batches

_LEDGER = {
    "id": "id",
    "createdAt": "created_at",
    "kind": "kind",
    "amount": "amount",
    "balanceAfter": "balance_after",
    "videoJobId": "video_job_id",
    "note": "note",
}


def account(user: User) -> dict[str, Any]:
    """The account itself."""
    return {
        "id": user.pk,
        "email": user.email,
        "emailVerifiedAt": user.email_verified_at,
        "name": user.name,
        "googleId": user.google_id,
        "createdAt": user.created_at,
        "lastSignInAt": user.last_login,
        "tokens": {"balance": user.token_account.balance, "unlimited": user.token_account.unlimited},
    }


def sign_ins(user: User) -> Iterator[dict[str, Any]]:
    """Attempts to sign in, oldest first."""
    names = {
        "createdAt": "created_at",
        "channel": "channel",
        "method": "method",
        "succeeded": "succeeded",
        "clientIp": "client_ip",
        "client": "client",
    }
    return _dicts(SignIn.objects.filter(user=user), names)


def sessions(user: User) -> Iterator[dict[str, Any]]:
    """Sessions of the API, oldest first."""
    names = {
        "id": "id",
        "createdAt": "created_at",
        "method": "method",
        "refreshedAt": "refreshed_at",
        "expiresAt": "expires_at",
        "endedAt": "ended_at",
        "endReason": "end_reason",
        "clientIp": "client_ip",
        "client": "client",
    }
    return _dicts(Session.objects.filter(user=user), names)


def api_keys(user: User) -> Iterator[dict[str, Any]]:
    """API keys, without their hashes, oldest first."""
    names = {
        "id": "id",
        "name": "name",
        "prefix": "prefix",
        "scopes": "scopes",
        "createdAt": "created_at",
        "expiresAt": "expires_at",
        "lastUsedAt": "last_used_at",
        "revokedAt": "revoked_at",
    }
    return _dicts(ApiKey.objects.filter(user=user), names)


def ledger(user: User) -> Iterator[dict[str, Any]]:
    """Every movement of tokens, oldest first."""
    return _dicts(LedgerEntry.objects.filter(account=user.token_account), _LEDGER)


def ledger_csv(user: User) -> Iterator[bytes]:
    """The same as the lines of a CSV; the byte order mark shows Excel that it is UTF-8."""
    yield _line(list(_LEDGER), mark="\ufeff")
    for row in ledger(user):
        row["createdAt"] = row["createdAt"].isoformat()
        yield _line([value if isinstance(value, int) else escape_formula(str(value or "")) for value in row.values()])


def _line(values: list[Any], *, mark: str = "") -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow(values)
    return (mark + out.getvalue()).encode()


def _dicts(rows: "QuerySet[Any, Any]", names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for row in batches.rows(rows.order_by("created_at", "id"), *names.values()):
        yield dict(zip(names, row, strict=True))
