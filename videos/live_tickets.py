"""Tickets for the stream of events: a browser's EventSource can send no header, so it sends one in the URL.

URLs end up in logs, so a ticket works once, within a minute.
"""

import hashlib
import secrets
from datetime import datetime

from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts.sign_in.grants import Grant
from videos.models import LiveTicket, from_now

LIFETIME_SECONDS = 60


def issue(grant: Grant) -> tuple[str, datetime]:
    """A new ticket, and when it expires."""
    text = secrets.token_urlsafe(32)
    ticket = LiveTicket.objects.create(
        user_id=grant.user_id,
        session_id=grant.session_id,
        api_key_id=grant.api_key_id,
        ends_at=grant.ends_at,
        digest=_digest(text),
        expires_at=from_now(LIFETIME_SECONDS),
    )
    ticket.refresh_from_db(fields=["expires_at"])  # by the database's clock
    return text, ticket.expires_at


def grant_of(text: str) -> Grant | None:
    """What the ticket was issued for; None for one that is unknown, used or expired."""
    ticket = _usable(text).first()
    return Grant(ticket.user_id, ticket.session_id, ticket.api_key_id, ticket.ends_at) if ticket else None


def redeem(text: str) -> bool:
    """Use the ticket up; False for one that is unknown, used or expired."""
    return bool(_usable(text).delete()[0])


def _usable(text: str) -> "QuerySet[LiveTicket]":
    return LiveTicket.objects.filter(digest=_digest(text), expires_at__gt=Now())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
