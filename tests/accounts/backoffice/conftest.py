"""Staff in the back office, and what an account's ledger shows."""

from typing import Any

import pytest
from django.test import Client

from accounts import roles
from accounts.models import LedgerEntry, User
from accounts.roles import Role
from tests.conftest import MakeUser


def page_of(user: User, name: str = "change") -> str:
    return f"/admin/accounts/user/{user.pk}/{name}/"


@pytest.fixture
def clerk(make_user: MakeUser) -> Any:
    """A member of staff, signed in to the back office."""

    def enter(role: Role, email: str = "sue@example.com") -> Client:
        user, client = make_user(email, staff=role == Role.ADMIN), Client()
        if role != Role.ADMIN:
            roles.assign(user=user, role=role)
        client.force_login(user)
        return client

    return enter


def entries(user: User) -> list[tuple[Any, ...]]:
    rows = LedgerEntry.objects.filter(account__user=user).exclude(kind="signup").order_by("created_at")
    return list(rows.values_list("kind", "amount", "balance_after", "note", "actor__email"))
