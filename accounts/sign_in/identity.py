"""The caller of a request. It is read at every request, so in one statement that is compiled once."""

from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from rest_framework.request import Request

from accounts.models import Session, TokenAccount, User
from accounts.roles import LIMITED, Role
from studio.db.statements import Param, Row, Statement

_OF_USER = [field.attname for field in User._meta.concrete_fields]
_OF_ACCOUNT = [field.attname for field in TokenAccount._meta.concrete_fields]


def with_caller(rows: "QuerySet[Any, Any]", *columns: str, path: str = "") -> "QuerySet[Any, Any]":
    """These columns of the rows, and then those of which `caller_in` makes the user; `path` leads to the user.

    One statement reads flags, groups and session or key, so that they are consistent. Between two statements, a role
    could be removed; the API takes staff without a role for an admin.
    """
    names = [*_OF_USER, *(f"token_account__{name}" for name in _OF_ACCOUNT)]
    of_user = (f"{path}{name}" for name in names)
    found: QuerySet[Any, Any] = rows.order_by().annotate(limited=is_limited(path))
    return found.values_list(*columns, *of_user, "limited")


def caller_in(row: Row) -> User:
    """The user, with token account and role, from the columns of `with_caller`."""
    user = User.from_db("default", _OF_USER, row[: len(_OF_USER)])
    user.back_office_only = bool(row[-1])
    if row[len(_OF_USER)]:  # a user created by other tools may have no account
        _give_account(user, row[len(_OF_USER) : -1])
    return user


class Users:
    """Users with token account, role and the state of a session, by id."""

    def __init__(self) -> None:
        self._statement = Statement(
            lambda: with_caller(
                User.objects.filter(pk=Param("id", models.UUIDField())).annotate(session_end_now=_end_of_session()),
                "session_end_now",
            )
        )

    def get(self, *, user_id: UUID, session_id: UUID | None = None) -> User:
        """The user as the database has it now. Raises User.DoesNotExist."""
        row = self._statement.row(id=user_id, session=session_id)
        if row is None:
            raise User.DoesNotExist
        user = caller_in(row[1:])
        user.session_end = row[0]
        return user


def _end_of_session() -> Any:
    """`Session.end_reason` of the session, by its primary key; null if the user has no such session."""
    session = Session.objects.filter(pk=Param("session", models.UUIDField()), user=OuterRef("pk"))
    return Subquery(session.order_by().values("end_reason")[:1])


def is_limited(path: str = "") -> Any:
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
