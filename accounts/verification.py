"""Verifies e-mail addresses, by a mailed link or by staff."""

import logging

from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone

from accounts import links, mails, tasks
from accounts.models import AccountTask, User
from studio.errors import NotAllowed

logger = logging.getLogger(__name__)


class EmailUnverified(NotAllowed):
    """The password is right, but the address is not verified, which REQUIRE_VERIFIED_EMAIL demands."""

    code = "email_unverified"
    message = "Verify your e-mail address first: open the link in our mail, or request another one."


def request_link(*, email: str) -> None:
    """Mail a link to the address, if an unverified account has it. Raises NoMail.

    The worker reads the account later, so a request costs the same whether there is one.
    """
    mails.require_mail()
    tasks.add(AccountTask.Kind.VERIFY_EMAIL, email=email)


def confirm(*, token: str) -> None:
    """Record that the link arrived at its address. Raises LinkInvalid, also for the later of two uses."""
    user = links.owner_of(token=token, purpose=links.VERIFICATION)
    unverified = User.objects.filter(pk=user.pk, email=user.email, email_verified_at=None, is_active=True)
    if not unverified.update(email_verified_at=Now(), updated_at=Now()):
        raise links.LinkInvalid
    logger.info("email.verified", extra={"user_id": user.pk})


def mark_verified(*, user: User) -> None:
    """Record that staff know the address to be the user's."""
    user.email_verified_at = timezone.now()
    user.save(update_fields=["email_verified_at", "updated_at"])
    logger.info("email.verified", extra={"user_id": user.pk})


def require_verified(user: User) -> None:
    """Raise EmailUnverified if this deployment demands verified addresses and the user's is not."""
    if settings.REQUIRE_VERIFIED_EMAIL and not user.email_verified_at:
        raise EmailUnverified
