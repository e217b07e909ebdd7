import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts import ledger
from accounts.models import LedgerEntry, User

BALANCE, LEDGER = "/api/v1/tokens", "/api/v1/tokens/ledger"
JOB = uuid.UUID(int=1)

pytestmark = pytest.mark.django_db

SignIn = Callable[[User], APIClient]
MakeUser = Callable[..., User]


def grant(user: User, count: int) -> None:
    for number in range(1, count + 1):
        ledger.grant(user=user, tokens=number, note="")


def date(start: datetime, *, apart: timedelta) -> None:
    """Give the entries known dates, in the order of their amounts, past the guard of the model's manager."""
    for number, entry in enumerate(LedgerEntry.objects.order_by("amount")):
        QuerySet(LedgerEntry).filter(pk=entry.pk).update(created_at=start + number * apart)


def amounts(client: APIClient, **query: object) -> list[int]:
    return [line["amount"] for line in client.get(LEDGER, query).json()["items"]]


def test_balance_and_prices(make_user: MakeUser, sign_in: SignIn) -> None:
    make_user("bob@example.com", tokens=7)

    answer = sign_in(make_user(tokens=120)).get(BALANCE)

    assert (answer.status_code, answer.json()) == (200, {"balance": 120, "costs": {"videoJob": 50}})


@pytest.mark.parametrize("url", [BALANCE, LEDGER])
def test_strangers_see_nothing(anonymous: APIClient, url: str) -> None:
    answer = anonymous.get(url)

    assert (answer.status_code, answer.json()) == (
        401,
        {"detail": "Authentication credentials were not provided.", "code": "not_authenticated"},
    )


def test_ledger_lists_every_movement(make_user: MakeUser, sign_in: SignIn) -> None:
    user = make_user(tokens=60)
    with transaction.atomic():
        ledger.charge(account=ledger.lock_account(user_id=user.pk), job_id=JOB, tokens=50)
    ledger.refund(user_id=user.pk, job_id=JOB, note="the video failed")
    signup, charge, refund = LedgerEntry.objects.order_by("created_at")
    QuerySet(LedgerEntry).filter(pk=refund.pk).update(created_at=datetime(2030, 1, 2, 3, 4, 5, 678_999, tzinfo=UTC))

    answer = sign_in(user).get(f"{LEDGER}/")

    body: Any = answer.json()
    assert (answer.status_code, body["total"], body["skip"], body["limit"]) == (200, 3, 0, 20)
    assert body["items"][0] == {
        "id": str(refund.pk),
        "kind": "refund",
        "amount": 50,
        "balanceAfter": 60,
        "videoJobId": str(JOB),
        "note": "the video failed",
        "createdAt": "2030-01-02T03:04:05.678Z",
    }
    assert [{**line, "createdAt": ""} for line in body["items"][1:]] == [
        {
            "id": str(charge.pk),
            "kind": "charge",
            "amount": -50,
            "balanceAfter": 10,
            "videoJobId": str(JOB),
            "note": "",
            "createdAt": "",
        },
        {
            "id": str(signup.pk),
            "kind": "signup",
            "amount": 60,
            "balanceAfter": 60,
            "videoJobId": None,
            "note": "",
            "createdAt": "",
        },
    ]


def test_neighbours_entries_are_not_shown(make_user: MakeUser, sign_in: SignIn) -> None:
    user, neighbour = make_user(tokens=0), make_user("bob@example.com", tokens=7)
    staff = make_user("sue@example.com", tokens=0, staff=True)
    grant(user, 1)

    assert [amounts(sign_in(person)) for person in (user, neighbour, staff)] == [[1], [7], []]


def test_pages_newest_first(make_user: MakeUser, sign_in: SignIn) -> None:
    user = make_user(tokens=0)
    grant(user, 5)
    date(datetime(2030, 1, 1, tzinfo=UTC), apart=timedelta(seconds=1))
    client = sign_in(user)

    pages = [client.get(LEDGER, {"skip": skip, "limit": 2}).json() for skip in (0, 2, 4, 6)]

    assert [[line["amount"] for line in page.pop("items")] for page in pages] == [[5, 4], [3, 2], [1], []]
    assert pages == [{"total": 5, "skip": skip, "limit": 2} for skip in (0, 2, 4, 6)]


def test_entries_of_one_moment_are_ordered_by_id(make_user: MakeUser, sign_in: SignIn) -> None:
    user = make_user(tokens=0)
    grant(user, 5)
    date(datetime(2030, 1, 1, tzinfo=UTC), apart=timedelta())
    client = sign_in(user)

    seen = [amounts(client, skip=skip, limit=1)[0] for skip in range(5)]

    assert seen == list(LedgerEntry.objects.order_by("-id").values_list("amount", flat=True))


def test_limit_is_capped(make_user: MakeUser, sign_in: SignIn) -> None:
    assert sign_in(make_user(tokens=1)).get(LEDGER, {"limit": 1000}).json()["limit"] == 100


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("skip", "-1", "Must be a whole number of at least 0."),
        ("skip", "x", "Must be a whole number of at least 0."),
        ("skip", "", "Must be a whole number of at least 0."),
        ("skip", "1000001", "Must be at most 1000000."),
        ("limit", "0", "Must be a whole number of at least 1."),
        ("limit", "1.5", "Must be a whole number of at least 1."),
        ("limit", "٣", "Must be a whole number of at least 1."),
        ("limit", "9" * 5000, "Must be a whole number of at least 1."),
    ],
)
def test_bad_number_is_refused(make_user: MakeUser, sign_in: SignIn, name: str, value: str, message: str) -> None:
    answer = sign_in(make_user()).get(LEDGER, {name: value})

    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": f"{name}: {message}", "code": "invalid", "errors": {name: [message]}},
    )


def test_longer_page_costs_no_more_queries(make_user: MakeUser, sign_in: SignIn) -> None:
    user = make_user(tokens=0)
    client = sign_in(user)
    counts = {}
    for _ in range(3):
        grant(user, 1)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            rows = len(client.get(LEDGER).json()["items"])
        counts[rows] = len(queries)

    assert counts == {1: 3, 2: 3, 3: 3}  # the caller, the total, the page
