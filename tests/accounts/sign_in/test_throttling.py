import logging
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.registration import create_user
from accounts.throttles import AttemptThrottle

SIGN_IN, REGISTER = "/api/v1/auth/token", "/api/v1/auth/register"
ANN = {"email": "ann@example.com", "password": "lorry-violet-42"}
OTHER_IP = "10.0.0.9"

pytestmark = pytest.mark.django_db


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    def set_clock(seconds: float) -> None:
        monkeypatch.setattr(AttemptThrottle, "timer", staticmethod(lambda: 1_000_000_000 * 3600 + seconds))

    set_clock(0)
    return set_clock


def attempts(count: int, email: str = "ann@example.com", *, address: str = "127.0.0.1", **extra: str) -> list[int]:
    """Without a password: counted like any other, and no time is spent on hashing."""
    client = APIClient(REMOTE_ADDR=address, **extra)
    return [client.post(SIGN_IN, {"email": email}).status_code for _ in range(count)]


def limited(how_soon: str) -> dict[str, str]:
    return {"detail": f"Too many requests. Try again {how_soon}.", "code": "throttled"}


def test_account_is_guarded_until_the_window_ends(anonymous: APIClient, at: Callable[[float], None]) -> None:
    create_user(**ANN)
    at(15)
    first = attempts(5) + attempts(5, " ANN@Example.COM ")

    refused: Any = anonymous.post(SIGN_IN, ANN)
    at(59.9)
    still_refused = anonymous.post(SIGN_IN, ANN)
    at(60)
    allowed = anonymous.post(SIGN_IN, ANN)

    assert first == [400] * 10
    assert (refused.status_code, refused.json()) == (429, limited("within a minute"))
    assert 45 <= int(refused["Retry-After"]) <= 46
    assert (still_refused.status_code, allowed.status_code) == (429, 200)


def test_attempts_while_locked_out_do_not_prolong_it(at: Callable[[float], None]) -> None:
    assert attempts(40) == [400] * 10 + [429] * 30

    at(60)

    assert attempts(1) == [400]


def test_one_accounts_limit_is_not_the_neighbours(at: Callable[[float], None]) -> None:
    attempts(11)

    assert attempts(1, "bob@example.com") == [400]
    assert attempts(1, address=OTHER_IP) == [400]


@pytest.mark.slow
def test_address_is_limited_across_accounts(at: Callable[[float], None]) -> None:
    statuses = [status for n in range(61) for status in attempts(1, f"user{n}@example.com")]

    assert statuses == [400] * 60 + [429]
    assert attempts(1, address=OTHER_IP) == [400]


def test_client_cannot_choose_its_address(at: Callable[[float], None]) -> None:
    statuses = [status for n in range(11) for status in attempts(1, HTTP_X_FORWARDED_FOR=f"10.1.1.{n}")]

    assert statuses == [400] * 10 + [429]


def test_odd_forms_are_counted_too(at: Callable[[float], None]) -> None:
    client = APIClient()

    bodies = ("[1]", '"text"', '{"email": ["x"]}', r'{"email": "\ud800"}', "{")
    statuses = [client.generic("POST", SIGN_IN, body, "application/json").status_code for body in bodies]

    assert statuses == [400] * 5


def test_registration_is_limited_by_address(anonymous: APIClient, at: Callable[[float], None]) -> None:
    statuses = [anonymous.post(REGISTER, {}).status_code for _ in range(20)]

    refused = anonymous.post(REGISTER, ANN)

    assert statuses == [400] * 20
    assert (refused.status_code, refused.json()) == (429, limited("within an hour"))
    assert APIClient(REMOTE_ADDR=OTHER_IP).post(REGISTER, ANN).status_code == 201


def test_sign_in_does_not_need_redis(anonymous: APIClient, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    create_user(**ANN)  # one line in the log
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    answer = anonymous.post(SIGN_IN, ANN)

    assert (answer.status_code, sorted(answer.json())) == (200, ["access", "expiresIn", "refresh"])
    assert [(record.levelno, record.getMessage()) for record in caplog.records[1:]] == [
        (logging.WARNING, "rate_limit.unavailable"),
    ]
