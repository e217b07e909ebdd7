"""The three roles of the back office, each a group whose permissions come from a migration.

The API knows users and admins only: `is_staff` may act on every user's objects. Django demands the same flag of every
user of the back office. So the two limited roles get no tokens for the API (`accounts.api.serializers.SignInForm`), and
their existing tokens are refused (`accounts.sign_in.authentication`): in the API they could do everything.
"""

import logging

from django.contrib.auth.models import Group
from django.db import models, transaction
from django.db.models import QuerySet

from accounts import access
from accounts.models import User
from studio.errors import Conflict, NotAllowed

logger = logging.getLogger(__name__)


class Role(models.TextChoices):
    """A user's role; the values are the names of the groups."""

    NONE = "", "No role"
    SUPPORT = "support", "Support"
    OPERATOR = "operator", "Operator"
    ADMIN = "admin", "Admin"


MEANINGS = {
    Role.NONE: "Uses the product through the API; cannot enter the back office.",
    Role.SUPPORT: "Sees users, sessions, API keys, jobs, looks and the ledger, and refunds videos. Cannot use the API.",
    Role.OPERATOR: "Support, and: runs and deletes jobs, edits looks and the catalogue, grants and corrects tokens, "
    "ends sessions and revokes API keys, but not of admins. Cannot use the API.",
    Role.ADMIN: "Everything, users and their roles included; in the API, may act on every user's objects.",
}
LIMITED = (Role.SUPPORT, Role.OPERATOR)


class BackOfficeOnly(NotAllowed):
    """The account's role is for the back office only."""

    code = "back_office_only"
    message = "This account is for the back office; it has no access to the API. Use another one."


class LastAdmin(Conflict):
    """The change would leave no admin who can sign in."""

    code = "last_admin"
    message = "This is the last admin who can sign in. Make another user an admin first."


def role_of(user: User) -> Role:
    """The user's role; the highest one, if groups were edited by other means."""
    if user.is_superuser:
        return Role.ADMIN
    names = {group.name for group in user.groups.all()}  # not a filter: lists prefetch them
    return next((role for role in (Role.ADMIN, Role.OPERATOR, Role.SUPPORT) if role in names), Role.NONE)


def is_limited(user: User) -> bool:
    """Whether the user has one of the two roles that may not use the API."""
    return user.is_staff and role_of(user) in LIMITED


def may_change(*, actor: User, user: User) -> bool:
    """Whether the actor may change this user or what belongs to the user: only an admin changes an admin."""
    return actor.is_superuser or not user.is_superuser


def groups_of(role: Role) -> QuerySet[Group]:
    """The group that holds the role's permissions; a migration creates it. Empty for `Role.NONE`."""
    return Group.objects.filter(name=role.value)


def assign(*, user: User, role: Role) -> None:
    """Replace the user's role, and sign the user out everywhere. Raises LastAdmin.

    Also removes the user's own permissions: only the role counts.
    """
    with transaction.atomic():
        if role != Role.ADMIN:
            require_other_admin(user)
        user.is_staff, user.is_superuser = bool(role), role == Role.ADMIN
        user.save(update_fields=["is_staff", "is_superuser", "updated_at"])
        user.groups.set(groups_of(role))
        user.user_permissions.clear()
        access.sign_out_everywhere(user=user)
    logger.info("role.assigned", extra={"user_id": user.pk, "role": role.value or "none"})


def deactivate(*, user: User) -> None:
    """Deactivate the account, unless it is the last admin's. Raises LastAdmin."""
    with transaction.atomic():
        require_other_admin(user)
        access.deactivate(user=user)


def require_other_admin(user: User) -> None:
    """Raise LastAdmin if only this user can give roles; call in the transaction that takes that away."""
    # locked, so that two admins cannot remove each other at the same time
    admins = User.objects.select_for_update().filter(is_superuser=True, is_staff=True, is_active=True)
    if {admin.pk for admin in admins.order_by("pk")} == {user.pk}:
        raise LastAdmin
