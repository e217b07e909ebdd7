"""Ann, and what a client of hers does: sign in, refresh, read its account."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from rest_framework.request import Request
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework_simplejwt.tokens import RefreshToken

from accounts.models import Session, User
from accounts.sign_in.authentication import TokenAuthentication
from tests.conftest import PASSWORD, MakeUser

SIGN_IN, REFRESH, REVOKE, ME = (f"/api/v1/auth/{name}" for name in ("token", "token/refresh", "token/revoke", "me"))


@pytest.fixture
def ann(make_user: MakeUser) -> User:
    return make_user()


def sign_in(agent: str = "Firefox") -> dict[str, Any]:
    form = {"email": "ann@example.com", "password": PASSWORD}
    response: Any = APIClient().post(SIGN_IN, form, HTTP_USER_AGENT=agent)
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


def refresh(pair: dict[str, Any], **headers: str) -> Any:
    return APIClient().post(REFRESH, {"refresh": pair["refresh"]}, **headers)  # type: ignore[arg-type]


def me(pair: dict[str, Any]) -> Any:
    return APIClient().get(ME, HTTP_AUTHORIZATION=f"Bearer {pair['access']}")


def outcome(response: Any) -> tuple[int, str]:
    return response.status_code, response.json().get("code", "")


def later(**passed: float) -> None:
    """Let time pass since the last refresh of every session."""
    passing = timedelta(**passed)
    Session.objects.update(refreshed_at=F("refreshed_at") - passing, expires_at=F("expires_at") - passing)


def request_of(pair: dict[str, Any]) -> Request:
    plain = APIRequestFactory().get("/", HTTP_AUTHORIZATION=f"Bearer {pair['access']}")
    return Request(plain, authenticators=[TokenAuthentication()])


def older_pair(user: User) -> dict[str, Any]:
    token = RefreshToken.for_user(user)
    token["signed_out_at"] = None
    return {"access": str(token.access_token), "refresh": str(token)}
