"""The list of the caller's sessions, and how the caller ends one or all."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Session, User
from tests.conftest import PASSWORD, MakeUser

pytestmark = pytest.mark.django_db
SESSIONS, ME = "/api/v1/auth/sessions", "/api/v1/auth/me"
REFRESH = "/api/v1/auth/token/refresh"


def signed_in(email: str = "ann@example.com", agent: str = "Firefox") -> APIClient:
    """A client with its session's tokens; `client.pair` has them."""
    client: Any = APIClient(HTTP_USER_AGENT=agent)
    client.pair = client.post("/api/v1/auth/token", {"email": email, "password": PASSWORD}).json()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {client.pair['access']}")
    return client  # type: ignore[no-any-return]


def stamp(time: Any) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z"


@pytest.fixture
def ann(make_user: MakeUser) -> User:
    return make_user()


def test_caller_sees_live_sessions_newest_first(ann: User, make_user: MakeUser) -> None:
    make_user("bob@example.com")
    phone, laptop = signed_in(agent="Phone"), signed_in(agent="Laptop")
    for gone in (signed_in(), signed_in()):
        Session.objects.order_by("created_at").last()
        gone.post("/api/v1/auth/token/revoke", {"refresh": gone.pair["refresh"]})  # type: ignore[attr-defined]
    signed_in("bob@example.com")
    signed_in(agent="expired")
    Session.objects.filter(client="expired").update(expires_at=timezone.now() - timedelta(seconds=1))

    body = phone.get(SESSIONS).json()

    rows = {session.client: session for session in Session.objects.filter(user=ann, end_reason="")}
    expected = [
        {
            "id": str(rows[name].pk),
            "method": "password",
            "client": name,
            "clientIp": "127.0.0.1",
            "createdAt": stamp(rows[name].created_at),
            "lastUsedAt": stamp(rows[name].refreshed_at),
            "expiresAt": stamp(rows[name].expires_at),
            "isCurrent": name == "Phone",
        }
        for name in ("Laptop", "Phone")
    ]
    assert body == {"items": expected, "total": 2, "skip": 0, "limit": 20}
    assert [item["isCurrent"] for item in laptop.get(f"{SESSIONS}?limit=1").json()["items"]] == [True]


def test_list_takes_as_many_statements_for_three_as_for_one(ann: User) -> None:
    client, counts = signed_in(), []
    client.get(SESSIONS)
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            client.get(SESSIONS)
        counts.append(len(captured))
        signed_in()
        signed_in()

    assert counts == [3, 3]  # the caller, the count, the page


def test_other_session_is_ended(ann: User) -> None:
    phone, laptop = signed_in(agent="Phone"), signed_in(agent="Laptop")
    url = f"{SESSIONS}/{Session.objects.get(client='Laptop').pk}"

    first, again = phone.delete(url), phone.delete(url)

    assert (first.status_code, first.content) == (204, b"")
    assert (again.status_code, again.json()["code"]) == (404, "not_found")
    refused = laptop.get(ME)
    assert (refused.status_code, refused.json()) == (
        401,
        {
            "detail": "The session has ended (ended by the user from another session). Sign in again.",
            "code": "session_ended",
        },
    )
    assert laptop.post(REFRESH, {"refresh": laptop.pair["refresh"]}).status_code == 401  # type: ignore[attr-defined]
    assert phone.get(ME).status_code == 200
    assert dict(Session.objects.values_list("client", "end_reason")) == {"Phone": "", "Laptop": "ended"}


def test_own_session_is_signed_out(ann: User) -> None:
    client = signed_in()

    assert client.delete(f"{SESSIONS}/{Session.objects.get().pk}").status_code == 204

    assert (client.get(ME).status_code, Session.objects.get().end_reason) == (401, "signed_out")


@pytest.mark.parametrize("staff", [False, True])
def test_session_of_another_user_is_not_found(ann: User, make_user: MakeUser, staff: bool) -> None:
    make_user("bob@example.com", staff=staff)
    owner, client = signed_in(), signed_in("bob@example.com")
    hers = Session.objects.get(user=ann)

    responses = [client.delete(f"{SESSIONS}/{session}") for session in (hers.pk, uuid.uuid4(), "nothing")]

    assert [(response.status_code, response.json()["code"]) for response in responses] == [(404, "not_found")] * 3
    assert owner.get(ME).status_code == 200


def test_sign_out_everywhere_ends_this_session_too(make_user: MakeUser) -> None:
    user = make_user("ann@example.com", staff=True)
    make_user("bob@example.com")
    phone, laptop, other = signed_in(), signed_in(), signed_in("bob@example.com")
    browser = Client()
    browser.force_login(user)

    response = phone.delete(SESSIONS)

    assert (response.status_code, response.content) == (204, b"")
    for client in (phone, laptop):
        refused = client.get(ME)
        assert (refused.status_code, refused.json()["code"]) == (401, "signed_out")
        refreshed = client.post(REFRESH, {"refresh": client.pair["refresh"]})  # type: ignore[attr-defined]
        assert refreshed.status_code == 401
    assert browser.get("/admin/").status_code == 302
    assert other.get(ME).status_code == 200
    assert list(Session.objects.filter(user=user).values_list("end_reason", flat=True)) == ["signed_out"] * 2
    assert signed_in().get(ME).status_code == 200
