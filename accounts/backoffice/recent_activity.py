"""A user's recent activity, as tables for the user's page in the back office."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import Truncator

from accounts.models import ApiKey, LedgerEntry, SignIn, User
from studio.backoffice.base import list_url, moment

ROWS = 10  # of each table; the rest is a link away


@dataclass(frozen=True, kw_only=True)
class RecentTable:
    """One kind of activity: its newest rows, and the list (`app_model`) of all of them."""

    title: str
    permission: str
    page: str
    headers: tuple[str, ...]
    rows: Callable[[User], list[list[str]]]


def recent(*, user_id: uuid.UUID, viewer: Any, tables: Sequence[RecentTable]) -> list[dict[str, Any]]:
    """The tables that the viewer may see, filled; each with a link to the list of all rows."""
    user = User.objects.filter(pk=user_id).select_related("token_account").first()
    if user is None:
        return []
    return [
        {
            "title": table.title,
            "url": list_url(table.page, q=user.email),
            "table": {"headers": table.headers, "rows": table.rows(user)},
        }
        for table in tables
        if viewer.has_perm(table.permission)
    ]


def link(page: str, row: Any, text: str) -> str:
    """A link to the page of one row."""
    url = reverse(f"admin:{page}_change", args=(row.pk,))
    return format_html('<a class="text-primary-600 dark:text-primary-500 underline" href="{}">{}</a>', url, text)


def _entries(user: User) -> list[list[str]]:
    entries = LedgerEntry.objects.filter(account=user.token_account).order_by("-created_at", "-id")[:ROWS]
    return [
        [
            link("accounts_ledgerentry", entry, moment(entry.created_at)),
            str(entry.get_kind_display()),
            f"{entry.amount:+,}",
            f"{entry.balance_after:,}",
            entry.note,
        ]
        for entry in entries
    ]


def _sign_ins(user: User) -> list[list[str]]:
    rows = SignIn.objects.filter(user=user).order_by("-created_at", "-id")[:ROWS]
    return [
        [
            moment(row.created_at),
            str(row.get_channel_display()),
            "signed in" if row.succeeded else "refused",
            row.client_ip or "-",
            Truncator(row.client).chars(60),
        ]
        for row in rows
    ]


def _keys(user: User) -> list[list[str]]:
    return [
        [
            link("accounts_apikey", key, key.prefix),
            key.name,
            ", ".join(key.scopes),
            moment(key.last_used_at) if key.last_used_at else "never",
            "revoked" if key.revoked_at else "expires " + moment(key.expires_at) if key.expires_at else "-",
        ]
        for key in ApiKey.objects.filter(user=user)[:ROWS]
    ]


TOKENS = RecentTable(
    title="Tokens",
    permission="accounts.view_ledgerentry",
    page="accounts_ledgerentry",
    headers=("When", "Kind", "Tokens", "Balance after", "Note"),
    rows=_entries,
)
SIGN_INS = RecentTable(
    title="Sign-ins",
    permission="accounts.view_signin",
    page="accounts_signin",
    headers=("When", "Where", "Outcome", "Client IP", "Client"),
    rows=_sign_ins,
)
KEYS = RecentTable(
    title="API keys",
    permission="accounts.view_apikey",
    page="accounts_apikey",
    headers=("Key", "Name", "Scopes", "Last use", "End"),
    rows=_keys,
)
