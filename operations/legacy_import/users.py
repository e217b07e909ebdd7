"""Imports users with their passwords, Google ids and balances."""

import re
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import F
from django.db.models.functions import Coalesce, Now

from accounts import ledger
from accounts.models import LedgerEntry, User
from operations.legacy_import.mover import Item, Mover, insert, uuids
from operations.legacy_import.schema import USERS
from operations.legacy_import.source import Row
from operations.legacy_import.values import UnusableRow, created_and_updated, identifier, moment, whole
from studio.emails import normal_email, require_plain

EMAIL_MAX = 254  # characters; the column's width
GOOGLE_ID_MAX = 255  # characters; likewise
UNLIMITED_TIER = "ultimate"
OPENING_NOTE = "balance in the previous system"
_BCRYPT = re.compile(r"\$2[aby]\$(\d\d\$[./A-Za-z0-9]{53})")


class UserMover(Mover[User]):
    """Users, each with a token account that opens with their balance."""

    table = USERS
    order = ("id",)

    def prepare(self, rows: Sequence[Row]) -> None:
        """Load existing users, by id and by e-mail, and the balances."""
        ids, emails = uuids(row["id"] for row in rows), [_email(row) for row in rows]
        self._openings = {
            entry.account.user_id: entry.amount
            for entry in LedgerEntry.objects.filter(kind="opening", account__user__in=ids).select_related("account")
        }
        self._here = set(User.objects.filter(pk__in=ids).values_list("pk", flat=True))
        self._email_owners: dict[str, Any] = dict(User.objects.filter(email__in=emails).values_list("email", "pk"))
        self._subscriptions = {
            uuid.UUID(user_id): row
            for user_id, row in self.source.subscriptions([str(row["id"]) for row in rows]).items()
            if uuids([user_id])
        }
        google_ids = {_google_id(row) for row in rows} - {None}
        self._google_ids = set(User.objects.filter(google_id__in=google_ids).values_list("google_id", flat=True))
        self._add_google_ids(rows)

    def _add_google_ids(self, rows: Sequence[Row]) -> None:
        """Give users the Google ids that an import by an earlier release left out."""
        known = {str(row["id"]): row for row in rows if _google_id(row)}
        for user in User.objects.filter(pk__in=uuids(known), google_id=None, deleted_at=None):
            row = known[str(user.pk)]
            google_id = self._free_google_id(row, [])
            if google_id and user.email == _email(row):
                verified_at = Coalesce("email_verified_at", F("created_at"))
                changes = {"google_id": google_id, "email_verified_at": verified_at, "updated_at": Now()}
                User.objects.filter(pk=user.pk, google_id=None).update(**changes)
                self.report.add(self.table.name, str(user.pk), "changed", "It has its Google id now.")
                self.report.with_google_id += 1

    def _free_google_id(self, row: Row, changes: list[str]) -> str | None:
        """The row's Google id, unless another user has it."""
        google_id = _google_id(row)
        if google_id is None:
            return None
        if google_id in self._google_ids or len(google_id) > GOOGLE_ID_MAX:
            changes.append("The Google id is too long, or another user has it, and is left out.")
            return None
        self._google_ids.add(google_id)
        return google_id

    def is_moved(self, row: Row) -> bool:
        """By id; reports a balance that has changed since the move."""
        user_id = identifier(row["id"], of="id")
        if user_id in self._openings and user_id in self._subscriptions:
            was, now = self._openings[user_id], _tokens(self._subscriptions[user_id], [])
            if was != now:
                sentence = f"It had {was} tokens when it was moved, and now has {now}; nothing is changed."
                self.report.add(self.table.name, str(user_id), "differs", sentence)
        return user_id in self._here

    def convert(self, row: Row, changes: list[str]) -> User:
        """Make a user who signs in as before. Raises UnusableRow for an invalid or duplicate e-mail address."""
        user_id, email = identifier(row["id"], of="id"), _email(row)
        try:
            validate_email(email)
            require_plain(email)
        except ValidationError as exc:
            raise UnusableRow(f"{email[:200]!r} is not an e-mail address.") from exc
        if len(email) > EMAIL_MAX:
            raise UnusableRow(f"The e-mail address is longer than {EMAIL_MAX} characters.")
        if owner := self._email_owners.get(email):
            raise UnusableRow(f"The address {email} belongs to user {owner} already; case makes no difference here.")
        self._email_owners[email] = user_id
        created_at, updated_at = created_and_updated(row)
        is_admin = _is_admin(row)
        google_id = self._free_google_id(row, changes)
        return User(
            id=user_id,
            email=email,
            email_verified_at=_verified_at(row, created_at=created_at, google_id=google_id),
            google_id=google_id,
            password=_password(row["password_hash"], changes),
            is_staff=is_admin,
            is_superuser=is_admin,
            is_active=_is_active(row, changes),
            last_login=moment(row["last_login"]),
            created_at=created_at,
            updated_at=updated_at,
        )

    def write(self, items: Sequence[Item[User]]) -> None:
        insert([item.made for item in items])
        openings = [self._opening(item) for item in items]
        ledger.open_imported_accounts(openings=openings)
        self.report.tokens["opened"] += sum(opening.tokens for opening in openings)
        self.report.admins.extend(item.made.email for item in items if item.made.is_staff)
        self.report.with_google_id += sum(item.made.google_id is not None for item in items)
        self.report.without_password += sum(
            not item.made.has_usable_password() and item.made.google_id is None for item in items
        )

    def _opening(self, item: Item[User]) -> ledger.Opening:
        row = self._subscriptions.get(item.made.pk)
        if row is None:
            item.changes.append(f"It has no balance; it starts like a new account, with {settings.SIGNUP_TOKENS}.")
            return ledger.Opening(user=item.made, tokens=settings.SIGNUP_TOKENS, unlimited=False, note=OPENING_NOTE)
        is_unlimited = str(row["tier"]).lower() == UNLIMITED_TIER
        tokens = _tokens(row, item.changes)
        return ledger.Opening(user=item.made, tokens=tokens, unlimited=is_unlimited, note=OPENING_NOTE)


def _email(row: Row) -> str:
    return normal_email(str(row["email"] or ""))


def _google_id(row: Row) -> str | None:
    return str(row["google_id"] or "").strip() or None


def _verified_at(row: Row, *, created_at: datetime, google_id: str | None) -> datetime | None:
    """When the address was verified; by Google for its users, at the latest when the account was created."""
    stated = row["email_verified"]
    return moment(stated) or (created_at if stated is True or google_id else None)


def _tokens(subscription: Row, changes: list[str]) -> int:
    tokens = whole(subscription["available_tokens"]) or 0
    if tokens < 0:
        changes.append(f"The balance {tokens} becomes 0.")
    return max(tokens, 0)


def _is_admin(row: Row) -> bool:
    return bool(row["is_admin"]) or str(row["role"] or "").lower() == "admin"


def _is_active(row: Row, changes: list[str]) -> bool:
    """Whether the user may sign in: yes if the source does not say, no for an unknown status."""
    status = str(row["status"] or "active").lower()
    if status not in {"active", "pending", "suspended"}:
        changes.append(f"The status {status!r} is unknown; deactivated until staff decide.")
    return row["is_active"] is not False and status == "active"


def _password(stored: Any, changes: list[str]) -> str:
    if not stored:
        return make_password(None)
    if match := _BCRYPT.fullmatch(str(stored)):
        return f"bcrypt$$2b${match[1]}"  # 2a, 2b and 2y name bugs of libraries; the hashes are equal
    changes.append("The password is not stored as bcrypt, and is dropped.")
    return make_password(None)
