"""What a person did lately, as tables for their page in the back office."""

import uuid
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import Truncator

from accounts.models import LedgerEntry, SignIn, User
from studio.backoffice.base import list_url, moment

ROWS = 10  # of each; more are a link away


def recent(*, user_id: uuid.UUID, viewer: Any) -> list[dict[str, Any]]:
    """Jobs, movements of tokens and sign-ins, each with a link to all of them; only what the viewer may see."""
    user = User.objects.filter(pk=user_id).select_related("token_account").first()
    if user is None:
        return []
    tables = (
        ("videos.view_videojob", "Video jobs", "videos_videojob", ("Made", "Prompt", "Status"), _jobs),
        (
            "accounts.view_ledgerentry",
            "Tokens",
            "accounts_ledgerentry",
            ("When", "Kind", "Tokens", "Then", "Note"),
            _entries,
        ),
        (
            "accounts.view_signin",
            "Sign-ins",
            "accounts_signin",
            ("When", "Where", "Outcome", "From", "Client"),
            _sign_ins,
        ),
    )
    return [
        {
            "title": title,
            "url": list_url(page, q=user.email),
            "table": {"headers": headers, "rows": rows(user)},
        }
        for permission, title, page, headers, rows in tables
        if viewer.has_perm(permission)
    ]


def _jobs(user: User) -> list[list[str]]:
    # videos, which this app must not know, adds the relation
    jobs: QuerySet[Any] = user.video_jobs.order_by("-created_at", "-id")[:ROWS]
    return [
        [
            moment(job.created_at),
            _link("videos_videojob", job, Truncator(job.prompt).chars(60) or "no prompt"),
            job.status,
        ]
        for job in jobs.only("created_at", "prompt", "phase")
    ]


def _entries(user: User) -> list[list[str]]:
    entries = LedgerEntry.objects.filter(account=user.token_account).order_by("-created_at", "-id")[:ROWS]
    return [
        [
            _link("accounts_ledgerentry", entry, moment(entry.created_at)),
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
            str(row.get_door_display()),
            "signed in" if row.succeeded else "refused",
            row.address or "-",
            Truncator(row.client).chars(60),
        ]
        for row in rows
    ]


def _link(page: str, row: Any, text: str) -> str:
    url = reverse(f"admin:{page}_change", args=(row.pk,))
    return format_html('<a class="text-primary-600 dark:text-primary-500 underline" href="{}">{}</a>', url, text)
