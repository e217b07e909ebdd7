"""Create, revoke and find the links under which everyone can see a look."""

import logging
import re
import secrets
import string
import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User
from looks.models import Look, LookLink
from studio.backoffice import audit
from studio.errors import Conflict, NotFound
from studio.models import ended_before, is_usable

logger = logging.getLogger(__name__)

MAX_LIVE = 20  # links of a look that are neither revoked nor expired
VIEW_IS_KEPT = timedelta(hours=1)  # how far `last_viewed_at` may be behind
_DIGITS = string.ascii_letters + string.digits
_LENGTH = 26  # digits: 154 bits
_FORM = re.compile(rf"[0-9A-Za-z]{{{_LENGTH}}}")


class TooManyLinks(Conflict):
    """The look has as many usable links as it may have."""

    code = "too_many_links"
    message = f"This look has {MAX_LIVE} links. Revoke one that is no longer used."


def create(*, look_id: uuid.UUID, user: User, expires_at: datetime | None = None) -> LookLink:
    """Create a link. Raises NotFound for a deleted look, and TooManyLinks."""
    with transaction.atomic():
        # two requests must not both create the last one
        look = Look.objects.select_for_update(no_key=True).filter(pk=look_id).first()
        if look is None:
            raise NotFound("There is no such look.")
        if LookLink.objects.filter(is_usable(), look=look).count() >= MAX_LIVE:
            raise TooManyLinks
        token = "".join(secrets.choice(_DIGITS) for _ in range(_LENGTH))
        link = LookLink.objects.create(look=look, created_by=user, token=token, expires_at=expires_at)
        _record(link, "Create a link", actor=user)
    logger.info("look_link.created", extra={"link_id": link.pk, "look_id": look_id, "actor_id": user.pk})
    return link


def revoke(*, link: LookLink, actor: User) -> None:
    """End the link at once; a repeat changes nothing."""
    with transaction.atomic():
        if not LookLink.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=Now(), updated_at=Now()):
            return
        _record(link, "Revoke a link", actor=actor)
    logger.info("look_link.revoked", extra={"link_id": link.pk, "look_id": link.look_id, "actor_id": actor.pk})


def find(token: str) -> LookLink | None:
    """The link with this token and its look, if everyone may see it now: not after a deactivation of the owner."""
    if not _FORM.fullmatch(token):
        return None
    live = LookLink.objects.filter(is_usable(), token=token, look__owner__is_active=True)
    return live.select_related("look").defer("look__search_text").first()


def record_view(link: LookLink) -> None:
    """Record that the look was seen, unless a view of the last hour is: a view must not cost an UPDATE."""
    now = timezone.now()
    if link.last_viewed_at is None or link.last_viewed_at < now - VIEW_IS_KEPT:
        LookLink.objects.filter(pk=link.pk).update(last_viewed_at=now, updated_at=now)


def of_look(look_id: uuid.UUID) -> QuerySet[LookLink]:
    """The look's links, ended ones included, newest first."""
    return LookLink.objects.filter(look=look_id).order_by("-created_at", "-id")


def ended(*, before: datetime) -> QuerySet[LookLink]:
    """The links that were revoked or expired before the moment."""
    return LookLink.objects.filter(ended_before(before))


def state_of(link: LookLink) -> str:
    """`active`, `revoked` or `expired`."""
    if link.revoked_at:
        return "revoked"
    return "expired" if link.expires_at and link.expires_at <= timezone.now() else "active"


def _record(link: LookLink, action: str, *, actor: User) -> None:
    """Keep what staff do to another user's look in the audit log."""
    if actor.pk != link.look.owner_id:
        audit.record_action(link.look, action, actor=actor, owner=link.look.owner.email, link=link.short_id)
