"""Which account a Google account signs in to.

Google's id (`sub`) decides. Before an account has one, its e-mail address does, but only if both Google and we have
verified it: else whoever registered the address of another person first would share that person's account.
"""

import logging

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from accounts.models import User
from accounts.sign_in.google.id_tokens import Identity
from studio.errors import Conflict

logger = logging.getLogger(__name__)


class UnverifiedAccount(Conflict):
    """An account has the address, but its owner never proved to read the address."""

    code = "email_unverified_account"
    message = (
        "An account has this e-mail address, but the address is not verified. Sign in with the password, request a "
        "mail to verify the address and open its link; or reset the password. Then sign in with Google."
    )


class OtherGoogleAccount(Conflict):
    """The account of the address belongs to another Google account."""

    code = "other_google_account"
    message = "The account of this e-mail address belongs to another Google account. Sign in with that one."


def find(identity: Identity) -> User | None:
    """The account with Google's id, else the one with the address. `link` says whether the latter may be used."""
    user = User.objects.filter(google_id=identity.subject).first()
    if user is not None:
        return user
    try:
        return User.objects.get_by_natural_key(identity.email)
    except User.DoesNotExist:
        return None


def link(*, user: User, identity: Identity) -> None:
    """Store Google's id with the account that `find` found; nothing happens if it is stored already.

    Raises UnverifiedAccount, OtherGoogleAccount, or Conflict after a change at the same time.
    """
    if user.google_id == identity.subject:
        return
    if user.google_id is not None:
        raise OtherGoogleAccount
    if user.email_verified_at is None:
        raise UnverifiedAccount
    unchanged = User.objects.filter(
        pk=user.pk, email=user.email, email_verified_at=user.email_verified_at, google_id=None, deleted_at=None
    )
    try:
        with transaction.atomic():
            is_linked = unchanged.update(google_id=identity.subject, updated_at=Now())
    except IntegrityError as exc:  # another account got the id at the same time
        raise OtherGoogleAccount from exc
    if not is_linked:
        _require_linked(user, identity)
    user.google_id = identity.subject
    logger.info("google_account.linked", extra={"user_id": user.pk})


def _require_linked(user: User, identity: Identity) -> None:
    """Another request may have linked the same two."""
    if not User.objects.filter(pk=user.pk, google_id=identity.subject).exists():
        raise Conflict("The account was changed at the same time. Try again.")


def unlink(*, user: User) -> None:
    """Remove Google's id from the account; the next sign-in with Google links a Google account of its address."""
    User.objects.filter(pk=user.pk).update(google_id=None, updated_at=Now())
    logger.info("google_account.unlinked", extra={"user_id": user.pk})
