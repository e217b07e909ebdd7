"""Guessing from many addresses does not lock out the owner, and one household counts as one address."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from accounts.registration import create_user

SIGN_IN, REGISTER, DOOR = "/api/v1/auth/token", "/api/v1/auth/register", "/admin/login/"
PASSWORD, OWN = "lorry-violet-42", "198.51.100.7"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _low_limits(settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT, settings.SIGN_IN_ADDRESS_FAILURES = 3, 6


@pytest.fixture
def ann(db: None) -> User:
    return create_user(email="ann@example.com", password=PASSWORD, staff=True)


def guess(password: str, *, remote: str, **headers: str) -> int:
    form = {"email": "ann@example.com", "password": password}
    return APIClient(REMOTE_ADDR=remote).post(SIGN_IN, form, headers=headers).status_code


def strangers() -> Iterator[str]:
    yield from (f"203.0.113.{number}" for number in range(40))
    yield from (f"2001:db8:0:{number:x}::1" for number in range(40))


@pytest.mark.slow
def test_owner_signs_in_while_eighty_addresses_guess(ann: User) -> None:
    answers = Counter(guess("wrong", remote=address) for address in strangers() for _ in range(4))

    door = Client(REMOTE_ADDR=OWN).post(DOOR, {"username": ann.email, "password": PASSWORD})

    assert answers == {401: 160, 429: 160}
    assert (guess(PASSWORD, remote=OWN), door.status_code) == (200, 302)
    assert guess(PASSWORD, remote="2001:db8:0:5::2") == 429  # another address of a household that guessed


@pytest.mark.parametrize("proxies", [0, 1, 2])
def test_stranger_cannot_borrow_the_address_of_the_owner(settings: Any, ann: User, proxies: int) -> None:
    """A client may forge the beginning of X-Forwarded-For; each proxy appends the address that it sees."""
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": proxies}

    def seen(client: str) -> dict[str, str]:
        hops = [client, "10.0.0.1"]  # by the outer proxy, and by the inner one
        return {"X-Forwarded-For": ", ".join([OWN, *hops[:proxies]])}

    remote = "203.0.113.9" if proxies == 0 else "10.0.0.2"
    wrong = [guess("wrong", remote=remote, **seen("203.0.113.9")) for _ in range(4)]

    own = guess(PASSWORD, remote=OWN if proxies == 0 else "10.0.0.2", **seen(OWN))

    assert (wrong, own) == ([401, 401, 429, 429], 200)


def test_clients_of_a_proxy_that_writes_ports_are_distinguished(settings: Any, ann: User) -> None:
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}
    for port in range(4):
        guess("wrong", remote="10.0.0.2", **{"X-Forwarded-For": f"203.0.113.9:{50_000 + port}"})

    assert guess(PASSWORD, remote="10.0.0.2", **{"X-Forwarded-For": f"{OWN}:50000"}) == 200
    assert guess(PASSWORD, remote="10.0.0.2", **{"X-Forwarded-For": "203.0.113.9:60000"}) == 429


def test_household_is_one_address_to_the_throttles() -> None:
    """Otherwise one household could register 20 accounts an hour from each of 2**64 addresses."""
    answers = Counter(
        APIClient(REMOTE_ADDR=f"2001:db8:0:1::{number:x}").post(REGISTER, {}).status_code for number in range(22)
    )
    other = APIClient(REMOTE_ADDR="2001:db8:0:2::1").post(REGISTER, {}).status_code

    assert (answers, other) == ({400: 20, 429: 2}, 400)
