"""Who is calling: read on every request, so in one statement that is compiled once."""

from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest
from rest_framework.request import Request

from accounts.models import TokenAccount, User
from accounts.roles import LIMITED, Role
from studio.db.statements import Param, Statement

_OF_USER = [field.attname for field in User._meta.concrete_fields]
_OF_ACCOUNT = [field.attname for field in TokenAccount._meta.concrete_fields]


class People:
    """Users with token account and role, by id, in the place where simplejwt expects the user model.

    One statement reads them, so that flags and groups are of the same moment: read one after the other, a role that is
    taken away in between would leave a member of staff without a role, which to the API is an admin.
    """

    DoesNotExist = User.DoesNotExist

    def __init__(self) -> None:
        columns = [*_OF_USER, *(f"token_account__{name}" for name in _OF_ACCOUNT)]
        self._statement = Statement(
            lambda: (
                User.objects.filter(pk=Param("id", models.UUIDField()))
                .order_by()
                .annotate(limited=_is_limited())
                .values_list(*columns, "limited")
            )
        )

    @property
    def objects(self) -> "People":
        """Itself."""
        return self

    def get(self, *, id: str) -> User:  # noqa: A002 - the library names it so
        """The user as the database has it now. Raises User.DoesNotExist."""
        row = self._statement.row(id=UUID(id))
        if row is None:
            raise User.DoesNotExist
        user = User.from_db("default", _OF_USER, row[: len(_OF_USER)])
        user.back_office_only = bool(row[-1])
        if row[len(_OF_USER)]:  # one made by other hands may have no account
            _give_account(user, row[len(_OF_USER) : -1])
        return user


def _is_limited() -> Any:
    """In SQL what `accounts.roles.is_limited` says of a user."""
    groups = User.groups.through.objects.filter(user_id=OuterRef("pk"))
    limited, admin = groups.filter(group__name__in=LIMITED), groups.filter(group__name=Role.ADMIN)
    return Q(is_staff=True, is_superuser=False) & Q(Exists(limited)) & ~Q(Exists(admin))


def _give_account(user: User, row: tuple[Any, ...]) -> None:
    """As select_related does it."""
    relation: Any = User._meta.get_field("token_account")
    account = TokenAccount.from_db("default", _OF_ACCOUNT, row)
    relation.set_cached_value(user, account)
    relation.field.set_cached_value(account, user)


PEOPLE = People()


def caller(request: HttpRequest | Request) -> User:
    """The signed-in user behind a request; the API's default permission, and the admin's, let nobody else through."""
    assert isinstance(request.user, User)
    return request.user
