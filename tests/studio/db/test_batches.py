"""Many rows, read in batches by key."""

from itertools import product

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from accounts.models import LedgerEntry, User
from studio.db import batches
from tests.conftest import MakeUser

pytestmark = pytest.mark.django_db


def make_entries(make_user: MakeUser) -> None:
    for name in ("ann", "ben", "cay"):
        account = make_user(f"{name}@example.com").token_account
        for amount in (5, 5, 7, 9):
            LedgerEntry.objects.create(account=account, kind="grant", amount=amount, balance_after=1)


ORDERS = [
    ("-created_at", "-id"),
    ("created_at", "pk"),
    ("account__user__email", "-pk"),
    ("-amount", "account__user__email", "-created_at", "id"),
    ("amount",),
    ("-pk",),
    (),
]


@pytest.mark.parametrize(("order", "batch"), list(product(ORDERS, (1, 4, 5, 100))))
def test_every_row_comes_once_and_in_order(order: tuple[str, ...], batch: int, make_user: MakeUser) -> None:
    make_entries(make_user)
    definite = order if {"id", "pk", "-id", "-pk"} & set(order) else (*order, "pk")
    entries = LedgerEntry.objects.exclude(amount=7).order_by(*order)
    expected = list(entries.order_by(*definite).values_list("id", "account__user__email"))

    assert list(batches.rows(entries, "id", "account__user__email", batch=batch)) == expected
    assert len(expected) == 12


def test_order_of_the_model_is_kept(make_user: MakeUser) -> None:
    make_entries(make_user)
    expected = list(LedgerEntry.objects.values_list("id"))

    assert list(batches.rows(LedgerEntry.objects.all(), "id", batch=4)) == expected


def test_a_statement_a_batch(make_user: MakeUser) -> None:
    make_entries(make_user)  # 15 entries: each user has one for the sign-up
    with CaptureQueriesContext(connection) as queries:
        assert len(list(batches.rows(LedgerEntry.objects.order_by("pk"), "pk", batch=6))) == 15

    assert len(queries) == 3


def test_row_without_a_value_to_be_ordered_by_is_refused(make_user: MakeUser) -> None:
    make_user()

    with pytest.raises(ValueError, match="among last_login, pk"):
        list(batches.rows(User.objects.order_by("last_login"), "pk", batch=1))


def test_order_by_an_expression_is_refused() -> None:
    with pytest.raises(TypeError, match="not of"):
        list(batches.rows(User.objects.order_by(F("email").desc()), "pk"))
