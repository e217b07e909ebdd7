"""The endpoints of API keys."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import ApiKey, User
from accounts.sign_in import api_keys
from studio.api.scopes import SCOPES
from tests.conftest import MakeUser, SignIn

KEYS, ME = "/api/v1/api-keys", "/api/v1/auth/me"
FORM = {"name": "render farm", "scopes": ["looks:read", "videos:write"]}

pytestmark = pytest.mark.django_db


def in_days(text: str) -> int:
    return round((datetime.fromisoformat(text) - timezone.now()) / timedelta(days=1))


def keys_of(user: User, count: int, **fields: Any) -> None:
    ApiKey.objects.bulk_create(ApiKey(user=user, name="x", digest=uuid.uuid4().hex, **fields) for _ in range(count))


def test_new_key_is_shown_once(make_user: MakeUser, sign_in: SignIn) -> None:
    user = make_user()
    client = sign_in(user)

    response = client.post(KEYS, FORM)

    body = response.json()
    text = body.pop("key")
    row = ApiKey.objects.get()
    assert response.status_code == 201
    assert response["Cache-Control"] == "no-store"
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["createdAt"])
    assert body == {
        "id": str(row.pk),
        "name": "render farm",
        "prefix": text[:12],
        "scopes": ["videos:write", "looks:read"],
        "createdAt": body["createdAt"],
        "expiresAt": None,
        "lastUsedAt": None,
        "revokedAt": None,
    }
    assert (row.user_id, row.digest) == (user.pk, api_keys.digest_of(text))
    assert client.get(KEYS).json() == {"items": [body], "total": 1, "skip": 0, "limit": 20}
    assert APIClient(HTTP_AUTHORIZATION=f"Bearer {text}").get("/api/v1/looks").status_code == 200


@pytest.mark.parametrize(
    ("end", "days"),
    [
        ({"expiresInDays": 30}, 30),
        ({"expires_in_days": "7"}, 7),
        ({"expiresAt": (datetime.now(UTC) + timedelta(days=9)).isoformat()}, 9),
    ],
)
def test_key_may_have_an_end(make_user: MakeUser, sign_in: SignIn, end: dict[str, Any], days: int) -> None:
    response = sign_in(make_user()).post(KEYS, FORM | end)

    assert (response.status_code, in_days(response.json()["expiresAt"])) == (201, days)


def test_scopes_of_a_form_are_repeated_and_count_once(make_user: MakeUser, sign_in: SignIn) -> None:
    body = "name=x&scopes=videos:read&scopes=looks:read&scopes=videos:read"

    response = sign_in(make_user()).post(KEYS, body, content_type="application/x-www-form-urlencoded")

    assert (response.status_code, response.json()["scopes"]) == (201, ["videos:read", "looks:read"])


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"name": ""}, "name", "This field may not be blank."),
        ({"name": "x" * 101}, "name", "Ensure this field has no more than 100 characters."),
        ({"scopes": []}, "scopes", "Must name at least one scope."),
        ({"scopes": None}, "scopes", "This field is required."),
        ({"scopes": ["account:write"]}, "scopes.0", f"Must be one of: {', '.join(SCOPES)}."),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt", "Must be in the future."),
        ({"expiresInDays": 0}, "expiresInDays", "Must be a whole number from 1 to 3650."),
        ({"expiresInDays": 3651}, "expiresInDays", "Must be a whole number from 1 to 3650."),
        (
            {"expiresInDays": 1, "expiresAt": "2100-01-01T00:00:00Z"},
            "expiresInDays",
            "Send this or expiresAt, not both.",
        ),
        ({"scope": ["looks:read"]}, "scope", 'Unknown field. Did you mean "scopes"?'),
    ],
)
def test_bad_form_creates_nothing(
    make_user: MakeUser, sign_in: SignIn, change: dict[str, Any], field: str, message: str
) -> None:
    response = sign_in(make_user()).post(KEYS, FORM | change)

    assert (response.status_code, response.json()["errors"][field][0]) == (400, message)
    assert not ApiKey.objects.exists()


def test_account_has_at_most_fifty_usable_keys(make_user: MakeUser, sign_in: SignIn) -> None:
    user, other = make_user(), make_user("bob@example.com")
    keys_of(user, 49)
    keys_of(user, 3, revoked_at=timezone.now())
    keys_of(user, 3, expires_at=Now())
    keys_of(other, 50)
    client = sign_in(user)

    created, refused = client.post(KEYS, FORM), client.post(KEYS, FORM)

    assert (created.status_code, refused.status_code) == (201, 409)
    assert refused.json() == {
        "detail": "You have 50 API keys. Revoke one that is no longer used.",
        "code": "too_many_keys",
    }
    client.delete(f"{KEYS}/{created.json()['id']}")
    assert client.post(KEYS, FORM).status_code == 201


def test_revoked_key_stays_in_the_list(make_user: MakeUser, sign_in: SignIn) -> None:
    client = sign_in(make_user())
    body = client.post(KEYS, FORM).json()
    url = f"{KEYS}/{body['id']}"

    statuses = [client.delete(url).status_code]
    [shown] = client.get(KEYS).json()["items"]
    statuses.append(client.delete(url).status_code)

    assert statuses == [204, 204]
    assert shown["revokedAt"]
    assert client.get(KEYS).json()["items"] == [shown]  # the second one changed nothing
    refused = APIClient(HTTP_AUTHORIZATION=f"Bearer {body['key']}").get("/api/v1/looks")
    assert (refused.status_code, refused.json()["code"]) == (401, "key_revoked")
    assert not LogEntry.objects.exists()


def test_keys_of_others_are_not_listed_and_not_revoked(make_user: MakeUser, sign_in: SignIn) -> None:
    ann, bob = make_user(), make_user("bob@example.com")
    key, _ = api_keys.create(user=ann, **FORM)
    client = sign_in(bob)

    refused = client.delete(f"{KEYS}/{key.pk}")

    assert client.get(KEYS).json()["items"] == []
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert [client.delete(f"{KEYS}/{pk}").status_code for pk in (uuid.uuid4(), "x")] == [404, 404]
    key.refresh_from_db()
    assert key.revoked_at is None


def test_admin_who_revokes_a_users_key_is_recorded(make_user: MakeUser, sign_in: SignIn) -> None:
    ann, boss = make_user(), make_user("boss@example.com", staff=True)
    key, _ = api_keys.create(user=ann, **FORM)

    responses = [sign_in(boss).delete(f"{KEYS}/{key.pk}").status_code for _ in range(2)]

    facts = {"action": ["", "Revoke"], "owner": ["", ann.email]}
    assert responses == [204, 204]
    assert [(one.actor, one.object_pk, one.changes) for one in LogEntry.objects.all()] == [(boss, str(key.pk), facts)]


def test_list_costs_the_same_for_any_number_of_keys(make_user: MakeUser, sign_in: SignIn) -> None:
    user = make_user()
    client, counts = sign_in(user), []
    for more in (1, 2):
        keys_of(user, more)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(KEYS).status_code == 200
        counts.append(len(captured))

    assert counts[0] == counts[1]
