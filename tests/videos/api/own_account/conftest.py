"""A caller who has just signed in."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Session, User
from tests.conftest import PASSWORD, MakeUser

ME, EXPORT = "/api/v1/auth/me", "/api/v1/auth/me/export"
EMAIL = "ann@example.com"


def token(email: str = EMAIL, password: str = PASSWORD) -> Any:
    return APIClient().post("/api/v1/auth/token", {"email": email, "password": password}, format="json")


@pytest.fixture
def user(make_user: MakeUser) -> User:
    return make_user(EMAIL)


@pytest.fixture
def client(user: User) -> APIClient:
    """Signed in a moment ago."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token().json()['access']}")
    return client


def age_sign_in() -> None:
    Session.objects.update(signed_in_at=timezone.now() - timedelta(minutes=11))
