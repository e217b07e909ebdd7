"""Statements that are compiled once: the right rows in the right types, whichever values they are run with."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.db import models

from accounts.models import User
from studio.statements import Among, Given, Statement
from studio.storage.local import LocalStorage
from tests.conftest import MakeUser

BY_EMAIL = Statement(
    lambda: User.objects.filter(email=Given("email", models.CharField())).values_list("pk", "is_staff", "created_at")
)
BY_ID = Statement(
    lambda: User.objects.filter(Among("pk", "ids", models.UUIDField())).order_by("email").values_list("email")
)
IN_PAGES = Statement(lambda: User.objects.order_by("email").values_list("email"), in_pages=True)


@pytest.fixture
def people(make_user: MakeUser) -> list[User]:
    return [make_user(f"{name}@example.com", staff=name == "ann") for name in ("ann", "ben", "cat")]


def test_values_take_their_places_and_come_back_in_their_types(people: list[User]) -> None:
    User.objects.update(created_at=datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC))

    rows = {email: BY_EMAIL.rows(email=f"{email}@example.com") for email in ("ann", "ben", "'; --", "zoe")}

    at = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    assert rows == {"ann": [(people[0].pk, True, at)], "ben": [(people[1].pk, False, at)], "'; --": [], "zoe": []}
    assert BY_EMAIL.row(email="zoe@example.com") is None


@pytest.mark.parametrize("how_many", [0, 1, 2, 3])
def test_any_number_of_values_is_one_parameter(people: list[User], how_many: int) -> None:
    ids = [person.pk for person in people[:how_many]] + [uuid.uuid4()]

    assert BY_ID.rows(ids=ids) == [(person.email,) for person in people[:how_many]]
    assert BY_ID.count(ids=ids) == how_many


def test_pages(people: list[User], django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(3):
        pages = [IN_PAGES.rows(skip=skip, limit=2) for skip in (0, 2, 4)]

    assert IN_PAGES.count() == 3
    assert pages == [[("ann@example.com",), ("ben@example.com",)], [("cat@example.com",)], []]


@pytest.mark.parametrize(
    "name",
    ["videos/1f-2.mp4", "looks/a_b/c.jpg", "a b.jpg", "ü.jpg", "a%2e.jpg", "../x", "//host/x", "x?y", "a..b", "x:y"],
)
def test_local_url_is_the_one_that_django_makes(name: str) -> None:
    ours, djangos = (
        kind(location="/nowhere", base_url="/AIStudio/media/") for kind in (LocalStorage, FileSystemStorage)
    )

    assert ours.url(name) == djangos.url(name)
