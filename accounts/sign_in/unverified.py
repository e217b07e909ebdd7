"""Refuses users whose address is not verified, where the deployment demands it."""

from django.conf import settings

from accounts.models import User
from studio.errors import NotAllowed


class EmailUnverified(NotAllowed):
    """The address is not verified, which REQUIRE_VERIFIED_EMAIL demands."""

    code = "email_unverified"
    message = "Verify your e-mail address first: open the link in our mail, or request another one."


def require_verified(user: User) -> None:
    """Raise EmailUnverified if this deployment demands verified addresses and the user's is not."""
    if settings.REQUIRE_VERIFIED_EMAIL and not user.email_verified_at:
        raise EmailUnverified
