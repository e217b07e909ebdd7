"""Changes passwords: by a user who knows the current one, and by a mailed link. Either ends all sessions."""

import logging
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Coalesce, Now
from rest_framework.request import Request

from accounts import links, mails, tasks
from accounts.models import AccountTask, Method, Session, User
from accounts.sign_in import lockout, sessions
from studio.errors import Conflict, InvalidInput, NotAllowed

logger = logging.getLogger(__name__)

Kind = AccountTask.Kind


class WrongPassword(InvalidInput):
    """The current password is wrong, or missing. Not a 401: clients would sign out or refresh their tokens."""

    code = "wrong_password"

    def __init__(self, message: str = "The current password is wrong.") -> None:
        super().__init__(message, errors={"currentPassword": [message]})


class SignInAgain(NotAllowed):
    """The account has no password to check, and its sign-in was too long ago."""

    code = "sign_in_again"
    message = "Sign in again to do this."


class ChangedMeanwhile(Conflict):
    """Another request changed the password between the check and the change."""

    message = "The password was changed meanwhile. Sign in again."


def change(*, user: User, request: Request, current: str, new: str) -> dict[str, Any]:
    """Replace the password, end every session, and begin a new one, whose tokens are returned.

    An account without a password needs a fresh sign-in instead. Raises LockedOut, WrongPassword, SignInAgain,
    InvalidInput, ChangedMeanwhile.
    """
    user = _checked(user=user, request=request, current=current)
    _validate(new, user=user)
    if not _replace(user=user, new=new):
        raise ChangedMeanwhile
    logger.info("password.changed", extra={"user_id": user.pk})
    return sessions.begin(user=User.objects.get(pk=user.pk), request=request, method=Method.PASSWORD)


def request_reset(*, email: str) -> None:
    """Mail a link to the address, if an active account has it. Raises NoMail.

    The worker reads the account later, so a request costs the same whether there is one.
    """
    mails.require_mail()
    tasks.add(Kind.RESET_PASSWORD, email=email)


def reset(*, token: str, new: str) -> None:
    """Set the password of the link's account; the link also proves that the user reads the address.

    Raises LinkInvalid, also for the later of two uses, and InvalidInput.
    """
    user = links.owner_of(token=token, purpose=links.RESET)
    _validate(new, user=user)
    if not _replace(user=user, new=new, email_verified_at=Coalesce("email_verified_at", Now())):
        raise links.LinkInvalid
    lockout.forget_account(email=user.email)
    logger.info("password.reset", extra={"user_id": user.pk})


def _checked(*, user: User, request: Request, current: str) -> User:
    """The user as the check of the password read it. A wrong password counts as a failed sign-in."""
    if not user.has_usable_password():
        if not sessions.is_fresh(request):
            raise SignInAgain
        return user
    if not current:
        raise WrongPassword("Send the current password, too.")
    checked = authenticate(request=request, email=user.email, password=current)
    if lockout.is_blocked(request):
        raise lockout.refusal(request, email=user.email)
    if not isinstance(checked, User) or checked.pk != user.pk:
        raise WrongPassword
    lockout.forget(request, email=user.email)
    return checked


def _validate(new: str, *, user: User) -> None:
    """Raise InvalidInput if the new password is easy to guess."""
    try:
        validate_password(new, user)
    except ValidationError as exc:
        raise InvalidInput(errors={"newPassword": exc.messages}) from exc


def _replace(*, user: User, new: str, **also: Any) -> bool:
    """Set the password and end every session; False if the row has changed since it was read."""
    digest = make_password(new)  # takes a good part of a second, so it comes before the transaction
    as_read = User.objects.filter(pk=user.pk, password=user.password, email=user.email, is_active=True)
    with transaction.atomic():
        if not as_read.update(password=digest, updated_at=Now(), **also):
            return False
        # the back office's sessions and the access tokens hold a hash of the password, so they have ended
        sessions.end_all(user=user, reason=Session.End.PASSWORD_CHANGED)
        if settings.MAIL_IS_CONFIGURED:
            tasks.add(Kind.PASSWORD_CHANGED, user=user, email=user.email)
    return True
