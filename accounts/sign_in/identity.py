"""The caller of a request. It is read at every request, so in one statement that is compiled once."""

from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from rest_framework.request import Request

from accounts.models import TokenAccount, User
from accounts.roles import LIMITED, Role
from studio.db.statements import Param, Row, Statement

_OF_USER = [field.attname for field in User._meta.concrete_fields]
_OF_ACCOUNT = [field.attname for field in TokenAccount._meta.concrete_fields]


def with_caller(rows: "QuerySet[Any, Any]", *columns: str, path: str = "") -> "QuerySet[Any, Any]":
    """These columns of the rows, and then those of which `caller_in` makes the user; `path` leads to the user.

    One statement reads flags and groups, so that they are consistent. Between two statements, a role could be removed;
    the API takes staff without a role for an admin.
    """
    names = [*_OF_USER, *(f"token_account__{name}" for name in _OF_ACCOUNT)]
    of_user = (f"{path}{name}" for name in names)
    found: QuerySet[Any, Any] = rows.order_by().annotate(limited=_is_limited(path))
    return found.values_list(*columns, *of_user, "limited")


def caller_in(row: Row) -> User:
    """The user, with token account and role, from the columns of `with_caller`."""
    user = User.from_db("default", _OF_USER, row[: len(_OF_USER)])
    user.back_office_only = bool(row[-1])
    if row[len(_OF_USER)]:  # a user created by other tools may have no account
        _give_account(user, row[len(_OF_USER) : -1])
    return user


class Users:
    """Users with token account and role, by id, where simplejwt expects the user model."""

    DoesNotExist = User.DoesNotExist

    def __init__(self) -> None:
        self._statement = Statement(lambda: with_caller(User.objects.filter(pk=Param("id", models.UUIDField()))))

    @property
    def objects(self) -> "Users":
        """The manager: this object."""
        return self

    def get(self, *, id: str) -> User:  # noqa: A002 - the library names it so
        """The user as the database has it now. Raises User.DoesNotExist."""
        row = self._statement.row(id=UUID(id))
        if row is None:
            raise User.DoesNotExist
        return caller_in(row)


def _is_limited(path: str) -> Any:
    """`accounts.roles.is_limited`, in SQL."""
    groups = User.groups.through.objects.filter(user_id=OuterRef(f"{path}pk"))
    limited, admin = groups.filter(group__name__in=LIMITED), groups.filter(group__name=Role.ADMIN)
    is_staff = Q(**{f"{path}is_staff": True, f"{path}is_superuser": False})
    return is_staff & Q(Exists(limited)) & ~Q(Exists(admin))


def _give_account(user: User, row: tuple[Any, ...]) -> None:
    """Set the relation as select_related does."""
    relation: Any = User._meta.get_field("token_account")
    account = TokenAccount.from_db("default", _OF_ACCOUNT, row)
    relation.set_cached_value(user, account)
    relation.field.set_cached_value(account, user)


USERS = Users()


def caller(request: HttpRequest | Request) -> User:
    """The signed-in user of a request; the default permissions of the API and the admin let no others through."""
    assert isinstance(request.user, User)
    return request.user
