"""Verifies e-mail addresses, by a mailed link or by staff.

Anyone can register the address of another person, and keep a session or an API key. Once its owner verified the
address, these would read what is shared with it. So a verification ends them.
"""

import logging
import uuid

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts import access, links, mails, tasks
from accounts.models import AccountTask, Session, User
from accounts.sign_in import api_keys, sessions

logger = logging.getLogger(__name__)


def request_link(*, email: str) -> None:
    """Mail a link to the address, if an unverified account has it. Raises NoMail.

    The worker reads the account later, so a request costs the same whether there is one.
    """
    mails.require_mail()
    tasks.add(AccountTask.Kind.VERIFY_EMAIL, email=email)


def confirm(*, token: str, session_id: uuid.UUID | None = None) -> None:
    """Record that the link arrived at its address. Raises LinkInvalid, also for the later of two uses.

    All earlier sessions and API keys of the account end. Only `session_id`, a live session of this account from which
    the link is used, proves that its user uses it: this session stays then, and the keys stay.
    """
    user = links.owner_of(token=token, purpose=links.VERIFICATION)
    own = session_id is not None and Session.objects.live().filter(pk=session_id, user=user).exists()
    unverified = User.objects.filter(pk=user.pk, email=user.email, email_verified_at=None, is_active=True)
    with transaction.atomic():
        if not unverified.update(email_verified_at=Now(), updated_at=Now()):
            raise links.LinkInvalid
        if own:
            sessions.end_all(user=user, reason=Session.End.ENDED, keep=session_id)
        else:
            _end_earlier_access(user, reason=Session.End.SIGNED_OUT)
    logger.info("email.verified", extra={"user_id": user.pk})


def mark_verified(*, user: User) -> None:
    """Record that staff know the address to be the user's. Earlier sessions and API keys end; a repeat does nothing."""
    with transaction.atomic():
        if not User.objects.select_for_update().filter(pk=user.pk, email=user.email, email_verified_at=None).exists():
            return
        user.email_verified_at = timezone.now()
        user.save(update_fields=["email_verified_at", "updated_at"])
        _end_earlier_access(user, reason=Session.End.STAFF)
    logger.info("email.verified", extra={"user_id": user.pk})


def _end_earlier_access(user: User, *, reason: Session.End) -> None:
    """End every session and API key; of a release before 1.2, tokens without a session, too."""
    access.sign_out_everywhere(user=user, reason=reason)
    api_keys.revoke_all(user=user)
