"""Creates users, each with its token account, in one transaction."""

import logging

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import ledger, tasks
from accounts.models import AccountTask, User
from accounts.own_account import former_addresses
from accounts.roles import Role, groups_of
from studio.emails import normal_email
from studio.errors import InvalidInput, NotAllowed

logger = logging.getLogger(__name__)


class RegistrationClosed(NotAllowed):
    """Only staff create accounts in this deployment: REGISTRATION_OPEN is not set, or false."""

    code = "registration_closed"
    message = "Registration is closed."


class EmailTaken(InvalidInput):
    """An account has this e-mail address already."""

    code = "email_taken"
    message = "An account with this e-mail address already exists."

    def __init__(self) -> None:
        super().__init__(self.message, errors={"email": [self.message]})


def register(*, email: str, password: str) -> User:
    """Create an account for a client, whose address gets a mail to verify it.

    Raises RegistrationClosed, EmailTaken, InvalidInput.
    """
    if not settings.REGISTRATION_OPEN:
        raise RegistrationClosed
    validate_new_user(email=email, password=password)
    return create_user(
        email=email, password=password, tokens=signup_tokens(email=email), verify=settings.MAIL_IS_CONFIGURED
    )


def signup_tokens(*, email: str) -> int:
    """The tokens of a new account: SIGNUP_TOKENS, or 0 where an account of the address was deleted recently."""
    return 0 if former_addresses.is_known(email) else settings.SIGNUP_TOKENS


def register_google_user(*, email: str, google_id: str) -> User:
    """Create an account for a user of Google, who has verified the address. Raises RegistrationClosed, EmailTaken.

    The caller has validated the address. The account has no password.
    """
    if not settings.REGISTRATION_OPEN:
        raise RegistrationClosed
    user = User(email=normal_email(email), google_id=google_id, email_verified_at=timezone.now())
    return _create(user, password=None, tokens=signup_tokens(email=email))


def validate_new_user(*, email: str, password: str) -> None:
    """Raise InvalidInput, by field, unless the e-mail address is valid and the password is hard to guess."""
    user = User(email=normal_email(email))
    failed: dict[str, list[str]] = {}
    try:
        user.clean_fields(exclude={"password"})
    except ValidationError as exc:
        failed["email"] = exc.messages
    try:
        validate_password(password, user)
    except ValidationError as exc:
        failed["password"] = exc.messages
    if failed:
        field, messages = next(iter(failed.items()))
        raise InvalidInput(f"{field}: {messages[0]}", errors=failed)


def create_user(
    *,
    email: str,
    password: str,
    tokens: int = 0,
    staff: bool = False,
    role: Role = Role.NONE,
    unlimited: bool = False,
    verified: bool = False,
    verify: bool = False,
) -> User:
    """Create a user whose account starts with `tokens`; `staff` is the same as the role of an admin. Raises EmailTaken.

    With `verified`, staff know the address to be the user's; with `verify`, it gets a mail to verify it. The caller
    checks the input with `validate_new_user`.
    """
    role = Role.ADMIN if staff else role
    user = User(
        email=normal_email(email),
        email_verified_at=timezone.now() if verified else None,
        is_staff=bool(role),
        is_superuser=role == Role.ADMIN,
    )
    return _create(user, password=password, tokens=tokens, role=role, unlimited=unlimited, verify=verify)


def _create(
    user: User,
    *,
    password: str | None,
    tokens: int,
    role: Role = Role.NONE,
    unlimited: bool = False,
    verify: bool = False,
) -> User:
    """Store the new user with an account. Raises EmailTaken, also if the Google account has an account already."""
    user.set_password(password)  # hashing takes a good part of a second, so it comes before the transaction
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            if role:
                user.groups.set(groups_of(role))
            ledger.open_account(user=user, tokens=tokens, unlimited=unlimited)
            if verify:
                tasks.add(AccountTask.Kind.VERIFY_EMAIL, email=user.email)
    except IntegrityError as exc:
        is_known = Q(email=user.email) | (Q(google_id=user.google_id) & Q(google_id__isnull=False))
        if User.objects.filter(is_known).exists():
            raise EmailTaken from exc
        raise
    logger.info("user.created", extra={"user_id": user.pk, "role": role.value or "none"})
    return user
