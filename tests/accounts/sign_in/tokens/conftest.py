"""Ann, what a client of hers sends, and what ends her tokens."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import RefreshToken

from accounts.models import Session, User
from accounts.registration import create_user

SIGN_IN, REFRESH, REVOKE, ME = (f"/api/v1/auth/{name}" for name in ("token", "token/refresh", "token/revoke", "me"))
PASSWORD = "lorry-violet-42"


@pytest.fixture
def ann(db: None) -> User:
    return create_user(email="ann@example.com", password=PASSWORD)


def sign_in(client: APIClient, email: str = "ann@example.com", password: str = PASSWORD) -> Any:
    return client.post(SIGN_IN, {"email": email, "password": password})


def me(client: APIClient, access: str) -> Any:
    return client.get(ME, HTTP_AUTHORIZATION=f"Bearer {access}", content_type="application/json")


def outcome(answer: Any) -> tuple[int, Any]:
    return answer.status_code, answer.json()


def ended() -> list[str]:
    """Why each session ended, "" for a live one, in the order of their sign-ins."""
    return list(Session.objects.order_by("created_at").values_list("end_reason", flat=True))


def challenge(answer: Any) -> str:
    """The header of a refused token, as RFC 6750 has it."""
    detail = answer.json()["detail"].replace('"', "'")
    kind = "invalid_request" if answer.json()["code"] == "token_malformed" else "invalid_token"
    return f'Bearer realm="api", error="{kind}", error_description="{detail}"'


def expired(token: RefreshToken) -> RefreshToken:
    token.set_exp(lifetime=timedelta(minutes=-1))
    return token


def lock(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def change_password(user: User) -> None:
    User.objects.filter(pk=user.pk).update(password=make_password("another-violet-43"))


def vanish(user: User) -> None:  # only an account that never had a token can
    user.token_account.delete()
    user.delete()


CHANGES = [(lock, "account_inactive"), (change_password, "password_changed"), (vanish, "user_not_found")]
