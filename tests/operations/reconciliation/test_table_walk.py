"""A table walk starts anywhere and reads each row once."""

import uuid
from dataclasses import asdict

import pytest

from looks.models import Look
from operations.reconciliation.table_walk import TableWalk
from tests.conftest import MakeUser

pytestmark = pytest.mark.django_db
KEYS = [uuid.UUID(int=number << 124) for number in range(1, 6)]


@pytest.fixture(autouse=True)
def rows(make_user: MakeUser) -> None:
    owner = make_user()
    for key in KEYS:
        Look.objects.create(pk=key, owner=owner, title="x")


def walked(walk: TableWalk, size: int) -> list[uuid.UUID]:
    """All rows of the walk, which is stored and loaded between two pages."""
    seen = []
    for _ in range(20):
        seen += [pk for (pk,) in walk.page(Look.objects.values_list("pk"), size)]
        walk = TableWalk(**asdict(walk))
        if walk.is_over:
            return seen
    raise AssertionError("it does not end")


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6])
def test_each_row_is_seen_once_from_wherever_it_begins(size: int) -> None:
    assert walked(TableWalk(), size) == KEYS
    for place, key in enumerate(KEYS, start=1):
        assert walked(TableWalk.from_key(str(key)), size) == KEYS[place:] + KEYS[:place]


def test_next_walk_starts_where_the_last_one_stopped() -> None:
    walk = TableWalk()
    walk.page(Look.objects.values_list("pk"), 2)

    assert walked(TableWalk.from_key(walk.after), 2) == KEYS[2:] + KEYS[:2]


def test_share_of_the_table_follows_from_the_key() -> None:
    assert [TableWalk().share(), TableWalk.from_key(str(KEYS[3])).share()] == [0.0, 0.25]


def test_finished_walk_reads_nothing(django_assert_num_queries: object) -> None:
    walk = TableWalk(is_over=True)

    with django_assert_num_queries(0):  # type: ignore[operator]
        assert walk.page(Look.objects.values_list("pk"), 2) == []
