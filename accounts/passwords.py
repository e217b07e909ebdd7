"""Changes passwords: by a user who knows the current one, and by a mailed link. Either ends all sessions."""

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now
from rest_framework.request import Request

from accounts import links, mails, tasks
from accounts.models import AccountTask, Method, Session, User
from accounts.sign_in import api_keys, confirmation, lockout, sessions
from studio.errors import Conflict, InvalidInput

logger = logging.getLogger(__name__)

Kind = AccountTask.Kind


class ChangedMeanwhile(Conflict):
    """Another request changed the password between the check and the change."""

    message = "The password was changed meanwhile. Sign in again."


def change(
    *, user: User, request: Request, current: str | None, new: str, count_check: Callable[[Request], None]
) -> dict[str, Any]:
    """Replace the password, end every session, and begin a new one, whose tokens are returned.

    An account without a password needs a fresh sign-in instead. `count_check` counts a comparison of the current
    password, and raises after too many. Raises InvalidInput, LockedOut, ConfirmationNeeded, ChangedMeanwhile.
    """
    _validate(new, user=user)  # before the current password is compared, which counts
    _require_current(user=user, request=request, current=current, count_check=count_check)
    now = User.objects.get(pk=user.pk)
    if now.password != user.password and not now.check_password(current):  # True if the check renewed an old hash
        raise ChangedMeanwhile
    if not _replace(user=now, new=new):
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

    If the address was not verified before, all API keys end, too: another person may have registered it. Raises
    LinkInvalid, also for the later of two uses, and InvalidInput.
    """
    user = links.owner_of(token=token, purpose=links.RESET)
    _validate(new, user=user)
    if not _replace(user=user, new=new, verifies=True):
        raise links.LinkInvalid
    lockout.forget_account(email=user.email)
    logger.info("password.reset", extra={"user_id": user.pk})


def _require_current(
    *, user: User, request: Request, current: str | None, count_check: Callable[[Request], None]
) -> None:
    """Check the current password; of an account without one, that the sign-in is fresh."""
    if current is None and user.has_usable_password():
        raise InvalidInput(errors={"currentPassword": ["This field is required."]})
    try:
        password = current if user.has_usable_password() else None
        confirmation.require(request, user=user, password=password, count_check=count_check)
    except confirmation.WrongPassword as exc:  # of a form here, so its field is at fault
        message = "The current password is wrong."
        raise InvalidInput(message, code=exc.code, errors={"currentPassword": [message]}) from exc


def _validate(new: str, *, user: User) -> None:
    """Raise InvalidInput if the new password is easy to guess."""
    try:
        validate_password(new, user)
    except ValidationError as exc:
        raise InvalidInput(errors={"newPassword": exc.messages}) from exc


def _replace(*, user: User, new: str, verifies: bool = False) -> bool:
    """Set the password and end every session; False if the row has changed since it was read.

    With `verifies`, the address is verified, too. The first time, API keys end: see `accounts.verification`.
    """
    digest = make_password(new)  # takes a good part of a second, so it comes before the transaction
    as_read = User.objects.filter(pk=user.pk, password=user.password, email=user.email, is_active=True)
    verified_at = Coalesce("email_verified_at", Now()) if verifies else F("email_verified_at")
    with transaction.atomic():
        if not as_read.update(password=digest, email_verified_at=verified_at, updated_at=Now()):
            return False
        if verifies and not user.email_verified_at:
            api_keys.revoke_all(user=user)
        # the back office's sessions and the access tokens hold a hash of the password, so they have ended
        sessions.end_all(user=user, reason=Session.End.PASSWORD_CHANGED)
        if settings.MAIL_IS_CONFIGURED:
            tasks.add(Kind.PASSWORD_CHANGED, user=user, email=user.email)
    return True
