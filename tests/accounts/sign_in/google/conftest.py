"""The fake of Google's sign-in, and a process that has fetched no keys yet."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.sign_in.google import keys
from tests.fakes.google_accounts import FakeGoogle

SIGN_IN = "/api/v1/auth/google"
SignInWithGoogle = Callable[..., tuple[int, Any]]


@pytest.fixture
def google(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGoogle]:
    monkeypatch.setattr(keys, "KEYS", keys.Keys())
    with FakeGoogle() as fake:
        settings.GOOGLE_CERTS_URL, settings.GOOGLE_AUTHORIZATION_URL = fake.certs_url, fake.authorization_url
        yield fake


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the clock of the keys, in seconds."""

    def set_clock(seconds: float) -> None:
        monkeypatch.setattr(keys.Keys, "clock", staticmethod(lambda: seconds))

    set_clock(0)
    return set_clock


@pytest.fixture
def sign_in_with_google(google: FakeGoogle) -> SignInWithGoogle:
    """Sends an ID token of the fake with these claims; returns the status, and the tokens' names or the code."""

    def send(token: str | None = None, **claims: Any) -> tuple[int, Any]:
        response = APIClient().post(SIGN_IN, {"idToken": google.token(**claims) if token is None else token})
        body = response.json()
        return response.status_code, body.get("code", sorted(body))

    return send
