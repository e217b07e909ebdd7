"""No endpoint shows whether an address has an account: same status, body, headers and statements.

`python -m benchmarks --only enumeration` compares the times.
"""

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from tests.conftest import MakeUser
from tests.statements import shapes

pytestmark = pytest.mark.django_db
ACCOUNTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "verified": {"email_verified_at": timezone.now()},
    "deactivated": {"is_active": False},
    "without-password": {"password": make_password(None)},
    "signed-in-before": {"last_login": timezone.now()},
}
REQUESTS = [
    ("/api/v1/auth/token", {"password": "not the right one"}, 401),
    ("/api/v1/auth/password/reset", {}, 202),
    ("/api/v1/auth/email/verify", {}, 202),
]


@pytest.mark.parametrize(("path", "fields", "status"), REQUESTS)
def test_address_with_and_without_an_account_cannot_be_distinguished(
    anonymous: APIClient, make_user: MakeUser, path: str, fields: dict[str, str], status: int
) -> None:
    for name, state in ACCOUNTS.items():
        User.objects.filter(pk=make_user(f"{name}@example.com").pk).update(**state)

    found = {name: outcome(anonymous, path, email=f"{name}@example.com", **fields) for name in ("unknown", *ACCOUNTS)}

    assert found["unknown"][0] == status
    assert {name: one for name, one in found.items() if one != found["unknown"]} == {}


def outcome(client: APIClient, path: str, **body: str) -> tuple[Any, ...]:
    with CaptureQueriesContext(connection) as queries:
        response = client.post(path, body, format="json")
    headers = {name: value for name, value in response.headers.items() if name != "X-Request-ID"}
    return response.status_code, response.json(), headers, shapes(queries)


def test_lockout_comes_after_as_many_wrong_passwords_without_an_account(
    anonymous: APIClient, make_user: MakeUser, settings: Any
) -> None:
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {
        "DEFAULT_THROTTLE_RATES": dict.fromkeys(settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "1000/min")
    }
    make_user("ann@example.com")
    attempts = django_settings.AXES_FAILURE_LIMIT + 2

    ann, unknown = (
        [outcome(anonymous, "/api/v1/auth/token", email=email, password="wrong")[:2] for _ in range(attempts)]
        for email in ("ann@example.com", "bob@example.com")
    )

    assert [status for status, _ in ann] == [401] * (attempts - 3) + [429] * 3
    assert ann == unknown
