from typing import Any

import pytest
from django.contrib.auth import get_user
from django.test import Client
from rest_framework.test import APIClient
from rest_framework_simplejwt import state

from accounts import signing
from accounts.models import User
from accounts.registration import create_person

OLD, NEW, STRANGE = "old-" * 20, "new-" * 20, "strange-" * 10
PASSWORD = "lorry-violet-42"

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(db: None) -> User:
    return create_person(email="ann@example.com", password=PASSWORD, staff=True)


@pytest.fixture
def keys(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Restart the server with these keys."""
    monkeypatch.setattr(state, "token_backend", state.token_backend)  # back again afterwards

    def restart(key: str, *previous: str) -> None:
        settings.JWT_SIGNING_KEY, settings.JWT_PREVIOUS_KEYS = key, list(previous)
        signing.install()

    return restart


def sign_in() -> dict[str, str]:
    pair: dict[str, str] = (
        APIClient().post("/api/v1/auth/token", {"email": "ann@example.com", "password": PASSWORD}).json()
    )
    return pair


def status_of(access: str) -> int:
    return APIClient().get("/api/v1/auth/me", HTTP_AUTHORIZATION=f"Bearer {access}").status_code


def test_new_key_signs_nobody_out(ann: User, keys: Any) -> None:
    keys(OLD)
    pair = sign_in()

    keys(NEW, STRANGE, OLD)
    refreshed = APIClient().post("/api/v1/auth/token/refresh", {"refresh": pair["refresh"]})

    assert status_of(pair["access"]) == 200
    keys(NEW)  # the old key is gone, what was signed since is not
    assert (refreshed.status_code, status_of(refreshed.json()["access"])) == (200, 200)


def test_key_that_was_taken_away_opens_nothing(ann: User, keys: Any) -> None:
    keys(OLD)
    pair = sign_in()
    refresh = APIClient().post("/api/v1/auth/token/refresh", {"refresh": pair["refresh"]}).json()["refresh"]

    keys(NEW, STRANGE)

    # never shown to this process, which keeps tokens that it has verified
    assert status_of(pair["access"]) == 401
    assert APIClient().post("/api/v1/auth/token/refresh", {"refresh": refresh}).status_code == 401


def test_expired_token_of_an_earlier_key_is_expired(ann: User, keys: Any, settings: Any) -> None:
    keys(OLD)
    token = state.token_backend.encode({"token_type": "access", "exp": 1, "sub": str(ann.pk)})

    keys(NEW, OLD)

    assert status_of(token) == 401


def test_admin_session_survives_a_new_secret_key(ann: User, settings: Any) -> None:
    settings.SECRET_KEY = OLD
    client = Client()
    client.post("/admin/login/", {"username": "ann@example.com", "password": PASSWORD})

    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    answer = client.get("/admin/")

    assert (answer.status_code, get_user(client).pk) == (200, ann.pk)  # type: ignore[arg-type]  # it has a session, too
