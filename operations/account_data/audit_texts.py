"""Removes a person's texts from the audit log and from Django's log of the admin; who did what and when stays."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from auditlog.models import LogEntry as AuditEntry
from django.contrib.admin.models import LogEntry as AdminEntry
from django.db.models import QuerySet

from accounts.models import User

BATCH = 1000  # entries in memory at once
REMOVED = "(removed)"
PERSONAL = {"email", "name", "notes", "owner", "title"}  # fields of `changes` whose values are removed


def remove(*, user: User, email: str, until: datetime, rows: set[str], renew: Callable[[], object]) -> None:
    """Remove the person's texts: in entries about `rows` (ids of the user's rows), and the address in all until then.

    Later entries with the address are about a new account.

    Reads both logs once, as no index has texts; the daily purge bounds them. `renew` is called between pages.
    """
    texts = _Texts(user, email)
    rows = set(rows)
    for entry in _pages(AuditEntry.objects.all(), renew):
        is_earlier = entry.timestamp <= until
        owners = {str(user.pk), email if is_earlier else ""} - {""}
        if _is_about(entry, rows, owners=owners):
            rows.add(entry.object_pk)
            _save(entry, texts.of_own_entry(entry))
        elif is_earlier:
            _save(entry, texts.of_any_entry(entry, "object_repr", "changes"))
        if entry.actor_id == user.pk:
            _save(entry, {"actor_email": None})
    for entry in _pages(AdminEntry.objects.all(), renew):
        is_earlier = entry.action_time <= until
        changes = texts.of_any_entry(entry, "object_repr", "change_message") if is_earlier else {}
        if entry.object_id in rows:
            changes["object_repr"] = texts.title(str(entry.object_id))
        _save(entry, changes)


def _pages(entries: "QuerySet[Any]", renew: Callable[[], object]) -> Iterator[Any]:
    last = 0
    while page := list(entries.filter(pk__gt=last).order_by("pk")[:BATCH]):
        renew()
        yield from page
        last = page[-1].pk


def _is_about(entry: Any, rows: set[str], *, owners: set[str]) -> bool:
    """Whether the entry is about a row of the user; `rows` lacks looks that were deleted before."""
    named = {*(entry.changes or {}).get("owner", ()), (entry.additional_data or {}).get("owner")}
    return entry.object_pk in rows or not named.isdisjoint(owners)


def _save(entry: Any, changes: dict[str, Any]) -> None:
    """Write what differs."""
    changes = {name: value for name, value in changes.items() if getattr(entry, name) != value}
    if changes:
        type(entry)._default_manager.filter(pk=entry.pk).update(**changes)


class _Texts:
    """The texts of entries without the person's."""

    def __init__(self, user: User, email: str) -> None:
        self._ids = {str(user.pk), str(user.token_account.pk)}
        self._user = user
        self._address = re.compile(re.escape(email), re.IGNORECASE) if email else None

    def title(self, object_pk: str) -> str:
        return str(self._user) if object_pk in self._ids else f"deleted {object_pk[:8]}"

    def of_own_entry(self, entry: Any) -> dict[str, Any]:
        changes = {
            name: [REMOVED for _ in change] if name in PERSONAL else self._without_address(change)
            for name, change in (entry.changes or {}).items()
        }
        return {"object_repr": self.title(entry.object_pk), "changes": changes}

    def of_any_entry(self, entry: Any, *columns: str) -> dict[str, Any]:
        return {name: self._without_address(getattr(entry, name)) for name in columns}

    def _without_address(self, value: Any) -> Any:
        if self._address is None:
            return value
        if isinstance(value, str):
            return self._address.sub(REMOVED, value)
        if isinstance(value, list):
            return [self._without_address(item) for item in value]
        if isinstance(value, dict):
            return {name: self._without_address(item) for name, item in value.items()}
        return value
