"""Checks the password of a signed-in user before an action that cannot be undone."""

from django.contrib.auth import authenticate
from rest_framework.request import Request

from accounts.models import User
from accounts.sign_in import lockout
from studio.errors import NotAllowed


class WrongPassword(NotAllowed):
    """The password is not the user's."""

    code = "wrong_password"
    message = "The password is wrong."


def require_password(request: Request, *, user: User, password: str) -> None:
    """Raise WrongPassword unless it is the user's. A wrong one counts as a failed sign-in: LockedOut after too many."""
    found = authenticate(request=request, email=user.email, password=password)  # type: ignore[arg-type]  # DRF's request
    if found is None or found.pk != user.pk:
        if lockout.is_blocked(request):
            raise lockout.refusal(request, email=user.email)
        raise WrongPassword
    lockout.forget(request, email=user.email)
