import time
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts import throttles
from accounts.models import User
from accounts.sign_in import api_keys
from accounts.throttles import AttemptThrottle, TokenThrottle
from studio.api.scopes import SCOPES
from studio.redis_client import client_of
from tests.conftest import MakeUser, SignIn

ME, LOOKS = "/api/v1/auth/me", "/api/v1/looks"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _low_rates(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] | {"request": "3/min", "create": "2/min"}
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": rates}
    clock = time.time() // 60 * 60 + 15
    monkeypatch.setattr(AttemptThrottle, "timer", staticmethod(lambda: clock))


def test_too_many_requests_get_a_retry_after(make_user: MakeUser, sign_in: SignIn) -> None:
    client = sign_in(make_user())
    allowed = [client.get(ME).status_code for _ in range(3)]

    refused = client.get(ME)

    assert allowed == [200] * 3
    assert (refused.status_code, refused.json()) == (
        429,
        {"detail": "Too many requests. Try again within a minute.", "code": "throttled"},
    )
    assert refused["Retry-After"] == "46"
    assert sign_in(make_user("bob@example.com")).get(ME).status_code == 200


def test_creating_is_counted_by_itself(make_user: MakeUser, sign_in: SignIn) -> None:
    client = sign_in(make_user())

    answers = [client.post(LOOKS, {"title": "Stone"}).status_code for _ in range(3)]

    assert answers == [201, 201, 429]
    assert client.get(LOOKS).status_code == 200


def test_a_process_sends_its_counts_in_batches(make_user: MakeUser, sign_in: SignIn, settings: Any) -> None:
    """The first request, then a fiftieth of the limit at a time; the limit is exact while there is one process."""
    rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] | {"request": "150/min"}
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": rates}
    user, with_redis = make_user(), client_of(settings.REDIS_URL)
    client, counts = sign_in(user), []

    statuses = []
    for _ in range(151):
        statuses.append(client.get(ME).status_code)
        counts.append(int(with_redis.get(with_redis.keys(f"count:request:{user.pk}:*")[0])))

    assert statuses == [200] * 150 + [429]
    assert counts[:8] == [1, 1, 1, 4, 4, 4, 7, 7]


def test_processes_know_of_each_other(make_user: MakeUser, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    client = sign_in(make_user())
    assert [client.get(ME).status_code for _ in range(2)] == [200, 200]

    monkeypatch.setattr(throttles, "_counts", throttles._Counts())  # as another process has them

    assert [client.get(ME).status_code for _ in range(2)] == [200, 429]


def test_deleting_is_free(make_user: MakeUser, sign_in: SignIn) -> None:
    client = sign_in(make_user())

    answers = {client.delete(f"{LOOKS}/9b8322e4-0000-4000-8000-000000000000").status_code for _ in range(100)}

    assert answers == {404}


def test_no_request_is_refused_while_redis_is_down(
    make_user: MakeUser, sign_in: SignIn, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    client = sign_in(make_user())
    caplog.clear()

    answers = [client.get(ME).status_code for _ in range(5)]

    assert answers == [200] * 5
    assert [record.getMessage() for record in caplog.records] == ["rate_limit.unavailable"]


def test_signing_out_is_no_creation(make_user: MakeUser) -> None:
    answers = [APIClient().post("/api/v1/auth/token/revoke", {"refresh": "x"}).status_code for _ in range(5)]

    assert answers == [401] * 5


@pytest.mark.parametrize("path", ["/api/v1/auth/token/refresh", "/api/v1/auth/token/revoke"])
def test_guesses_of_tokens_are_limited_by_address(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TokenThrottle, "rate", "3/min", raising=False)

    answers = [APIClient().post(path, {"refresh": "x"}).status_code for _ in range(4)]

    assert answers == [401, 401, 401, 429]
    assert APIClient(REMOTE_ADDR="10.0.0.9").post(path, {"refresh": "x"}).status_code == 401


def scripts(user: User, count: int) -> list[APIClient]:
    """Clients with an API key each."""
    keys = [api_keys.create(user=user, name="script", scopes=tuple(SCOPES))[1] for _ in range(count)]
    return [APIClient(HTTP_AUTHORIZATION=f"Bearer {text}") for text in keys]


def test_key_is_counted_apart_from_its_users_browser_and_other_keys(make_user: MakeUser, sign_in: SignIn) -> None:
    user = make_user()
    first, second = scripts(user, 2)

    statuses = [first.get(ME).status_code for _ in range(5)]

    assert statuses == [200] * 3 + [429] * 2
    assert [client.get(ME).status_code for client in (second, sign_in(user))] == [200, 200]


def test_keys_of_a_user_share_three_limits(make_user: MakeUser, sign_in: SignIn) -> None:
    user, other = make_user(), make_user("bob@example.com")

    statuses = [client.get(ME).status_code for client in scripts(user, 5) for _ in range(2)]

    assert statuses == [200] * 9 + [429]
    assert [client.get(ME).status_code for client in (sign_in(user), *scripts(other, 1))] == [200, 200]


def test_refused_requests_of_a_key_do_not_count_for_the_others(make_user: MakeUser) -> None:
    first, second = scripts(make_user(), 2)

    statuses = [first.get(ME).status_code for _ in range(20)]

    assert statuses == [200] * 3 + [429] * 17
    assert [second.get(ME).status_code for _ in range(3)] == [200] * 3


def test_creations_with_a_key_are_counted_by_themselves(make_user: MakeUser) -> None:
    [client] = scripts(make_user(), 1)

    statuses = [client.post(LOOKS, {"title": "Stone"}).status_code for _ in range(3)]

    assert statuses == [201, 201, 429]
    assert client.get(LOOKS).status_code == 200
