"""Statements that are compiled once: the right rows in the right types, whichever values they are run with."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts.models import TokenAccount, User
from studio.db.statements import (
    Delete,
    InPage,
    InParam,
    Insert,
    Param,
    SelectModels,
    Statement,
    Update,
    UpdateReturning,
)
from studio.media.storage.local import LocalStorage
from studio.models import Disposal
from tests.conftest import MakeUser

BY_EMAIL = Statement(
    lambda: User.objects.filter(email=Param("email", models.CharField())).values_list("pk", "is_staff", "created_at")
)
BY_ID = Statement(
    lambda: User.objects.filter(InParam("pk", "ids", models.UUIDField())).order_by("email").values_list("email")
)
INT = models.IntegerField()
IN_PAGES = Statement(lambda: User.objects.order_by("email").values_list("email"), in_pages=True)


@pytest.fixture
def users(make_user: MakeUser) -> list[User]:
    return [make_user(f"{name}@example.com", staff=name == "ann") for name in ("ann", "ben", "cat")]


def test_values_take_their_places_and_come_back_in_their_types(users: list[User]) -> None:
    User.objects.update(created_at=datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC))

    rows = {email: BY_EMAIL.rows(email=f"{email}@example.com") for email in ("ann", "ben", "'; --", "zoe")}

    at = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    assert rows == {"ann": [(users[0].pk, True, at)], "ben": [(users[1].pk, False, at)], "'; --": [], "zoe": []}
    assert BY_EMAIL.row(email="zoe@example.com") is None


@pytest.mark.parametrize("how_many", [0, 1, 2, 3])
def test_any_number_of_values_is_one_parameter(users: list[User], how_many: int) -> None:
    ids = [user.pk for user in users[:how_many]] + [uuid.uuid4()]

    assert BY_ID.rows(ids=ids) == [(user.email,) for user in users[:how_many]]
    assert BY_ID.count(ids=ids) == how_many


def test_pages(users: list[User], django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(3):
        pages = [IN_PAGES.rows(skip=skip, limit=2) for skip in (0, 2, 4)]

    assert IN_PAGES.count() == 3
    assert pages == [[("ann@example.com",), ("ben@example.com",)], [("cat@example.com",)], []]


def test_rows_are_changed_by_values_and_expressions(users: list[User]) -> None:
    change = Update(
        lambda: TokenAccount.objects.filter(
            user=Param("user_id", models.UUIDField()), balance__gte=Param("least", models.IntegerField())
        ),
        balance=F("balance") + Param("amount", models.IntegerField()),
        unlimited=True,
    )
    before = users[0].token_account.balance

    numbers = [change.run(user_id=users[0].pk, least=least, amount=amount) for least, amount in ((0, 5), (0, -2))]

    assert numbers == [1, 1]
    assert change.run(user_id=users[0].pk, least=before + 4, amount=1) == 0
    accounts = {account.user_id: account for account in TokenAccount.objects.all()}
    assert (accounts[users[0].pk].balance, accounts[users[0].pk].unlimited) == (before + 3, True)
    assert not accounts[users[1].pk].unlimited


def test_page_of_rows_is_taken_at_once(users: list[User], django_assert_num_queries: Any) -> None:
    page = Statement(
        lambda: (
            TokenAccount.objects.order_by("user__email").select_for_update(of=("self",), no_key=True).values_list("pk")
        ),
        in_pages=True,
    )
    taking = UpdateReturning(
        TokenAccount, lambda: TokenAccount.objects.filter(InPage("pk", page)), balance=F("balance") + Param("more", INT)
    )
    before = users[0].token_account.balance
    taking.all(skip=9, limit=1, more=0)  # compiles it

    with django_assert_num_queries(1):
        taken = taking.all(skip=1, limit=2, more=7)

    assert {(row.user_id, row.balance, row._state.adding) for row in taken} == {
        (user.pk, before + 7, False) for user in users[1:]
    }
    assert vars(taken[0]) == vars(TokenAccount.objects.get(pk=taken[0].pk)) | {"_state": taken[0]._state}
    assert TokenAccount.objects.get(user=users[0]).balance == before


def test_instances_are_as_a_query_set_has_them(users: list[User]) -> None:
    found = SelectModels(User, lambda: User.objects.filter(is_staff=Param("staff", models.BooleanField()))).all(
        staff=True
    )

    assert [(user.pk, user.email, user._state.adding) for user in found] == [(users[0].pk, "ann@example.com", False)]
    assert vars(found[0]).keys() == vars(User.objects.get(pk=users[0].pk)).keys()


@pytest.mark.django_db
def test_instance_is_inserted_as_it_is_saved() -> None:
    insertion = Insert(Disposal, due_at=Now() + timedelta(hours=1))
    one, other = Disposal(name="videos/a.mp4"), Disposal(name="videos/b.mp4", attempts=3, last_error="50 % 'x'")

    assert [insertion.run(row) for row in (one, other)] == [True, True]

    rows = {row.name: row for row in Disposal.objects.annotate(left=F("due_at") - Now())}
    assert rows["videos/b.mp4"].pk == other.pk
    assert (rows["videos/b.mp4"].attempts, rows["videos/b.mp4"].last_error) == (3, "50 % 'x'")
    assert rows["videos/a.mp4"].created_at == one.created_at
    assert all(timedelta(minutes=59) < row.left <= timedelta(hours=1) for row in rows.values())
    with pytest.raises(IntegrityError), transaction.atomic():
        insertion.run(Disposal(name="videos/a.mp4"))


@pytest.mark.django_db
def test_row_that_is_there_already_is_left_alone() -> None:
    insertion = Insert(Disposal, ignore_conflicts=True)
    due_at = datetime(2026, 1, 2, tzinfo=UTC)

    inserted = [insertion.run(Disposal(name="videos/a.mp4", due_at=due_at, attempts=number)) for number in range(2)]

    assert inserted == [True, False]
    assert list(Disposal.objects.values_list("attempts")) == [(0,)]
    with pytest.raises(IntegrityError), transaction.atomic():
        insertion.run(Disposal(name="videos/b.mp4", due_at=due_at, attempts=-1))  # no repeat, but a wrong row


@pytest.mark.django_db
def test_matching_rows_are_deleted_and_no_others() -> None:
    due_at = datetime(2026, 1, 2, tzinfo=UTC)
    for name in ("a", "b", "c"):
        Disposal.objects.create(name=name, due_at=due_at, attempts=name == "b")
    deletion = Delete(lambda: Disposal.objects.filter(attempts=Param("attempts", models.IntegerField())).order_by())

    assert [deletion.run(attempts=attempts) for attempts in (7, 0)] == [0, 2]
    assert list(Disposal.objects.values_list("name", flat=True)) == ["b"]


@pytest.mark.parametrize(
    "name",
    ["videos/1f-2.mp4", "looks/a_b/c.jpg", "a b.jpg", "ü.jpg", "a%2e.jpg", "../x", "//host/x", "x?y", "a..b", "x:y"],
)
def test_local_url_is_the_one_that_django_makes(name: str) -> None:
    ours, djangos = (
        kind(location="/nowhere", base_url="/AIStudio/media/") for kind in (LocalStorage, FileSystemStorage)
    )

    assert ours.url(name) == djangos.url(name)
