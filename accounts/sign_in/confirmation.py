"""Asks a signed-in user for a proof of identity before an action that cannot be undone."""

from collections.abc import Callable

from django.contrib.auth import authenticate
from rest_framework.request import Request

from accounts.models import User
from accounts.sign_in import lockout, sessions
from studio.errors import NotAllowed


class WrongPassword(NotAllowed):
    """The password is not the user's."""

    code = "wrong_password"
    message = "The password is wrong."


class ConfirmationNeeded(NotAllowed):
    """The session is too old to go without a password."""

    code = "confirmation_needed"
    message = "Send your password, or sign in again first."


def require(request: Request, *, user: User, password: str | None, count_check: Callable[[Request], None]) -> None:
    """Require the user's password, or a sign-in within the last ten minutes.

    Raises ConfirmationNeeded or WrongPassword. A wrong password counts as a failed sign-in: LockedOut after too many.
    `count_check` counts a comparison before it, and raises after too many.
    """
    if password is None:
        if not sessions.is_fresh(request):
            raise ConfirmationNeeded
        return
    count_check(request)
    found = authenticate(request=request, email=user.email, password=password)
    if found is None or found.pk != user.pk:
        if lockout.is_blocked(request):
            raise lockout.refusal(request, email=user.email)
        raise WrongPassword
    lockout.forget(request, email=user.email)
