import time
import uuid
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.conf import settings as project
from django.contrib.auth import get_user
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt import state
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts import tokens
from accounts.access import sign_out_everywhere
from accounts.models import Session, User
from accounts.registration import create_user
from accounts.sign_in import token_keys
from operations.housekeeping import run_housekeeping
from studio.models import TaskState
from tests.conftest import tokens_of

CLOCK_LEEWAY_SECONDS: int = project.CLOCK_LEEWAY_SECONDS
OLD, NEW, STRANGE = "old-" * 20, "new-" * 20, "strange-" * 10
PASSWORD = "lorry-violet-42"

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(db: None) -> User:
    return create_user(email="ann@example.com", password=PASSWORD, staff=True)


@pytest.fixture
def keys(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Restart the server with these keys."""
    monkeypatch.setattr(state, "token_backend", state.token_backend)  # back again afterwards

    def restart(key: str, *others: str) -> None:
        settings.JWT_SIGNING_KEY, settings.JWT_VERIFYING_KEYS = key, list(others)
        token_keys.install()

    return restart


def sign_in() -> dict[str, str]:
    pair: dict[str, str] = (
        APIClient().post("/api/v1/auth/token", {"email": "ann@example.com", "password": PASSWORD}).json()
    )
    return pair


def status_of(access: str) -> int:
    return APIClient().get("/api/v1/auth/me", HTTP_AUTHORIZATION=f"Bearer {access}").status_code


def test_new_key_keeps_every_session(ann: User, keys: Any) -> None:
    keys(OLD)
    pair = sign_in()

    keys(NEW, STRANGE, OLD)
    refreshed = APIClient().post("/api/v1/auth/token/refresh", {"refresh": pair["refresh"]})

    assert status_of(pair["access"]) == 200
    keys(NEW)  # the old key is gone; tokens signed since are valid
    assert (refreshed.status_code, status_of(refreshed.json()["access"])) == (200, 200)


def test_key_that_was_taken_away_opens_nothing(ann: User, keys: Any) -> None:
    keys(OLD)
    pair = sign_in()
    refresh = APIClient().post("/api/v1/auth/token/refresh", {"refresh": pair["refresh"]}).json()["refresh"]

    keys(NEW, STRANGE)

    # unknown to this process, which caches verified tokens
    assert status_of(pair["access"]) == 401
    assert APIClient().post("/api/v1/auth/token/refresh", {"refresh": refresh}).status_code == 401


def test_key_that_only_verifies_opens_what_another_machine_signs(ann: User, keys: Any) -> None:
    keys(NEW, OLD)
    pair = sign_in()

    keys(OLD, NEW)  # a machine that does not sign with the new key yet
    refreshed = APIClient().post("/api/v1/auth/token/refresh", {"refresh": pair["refresh"]})

    assert (status_of(pair["access"]), refreshed.status_code) == (200, 200)
    keys(OLD)
    assert status_of(refreshed.json()["access"]) == 200  # signed with the old key


@pytest.mark.parametrize("others", [(), (STRANGE, OLD)])
@pytest.mark.parametrize(("ahead", "status"), [(CLOCK_LEEWAY_SECONDS - 1, 200), (CLOCK_LEEWAY_SECONDS + 5, 401)])
def test_token_of_a_machine_whose_clock_is_ahead(
    ann: User, keys: Any, others: tuple[str, ...], ahead: int, status: int
) -> None:
    keys(OLD)
    token = AccessToken.for_user(ann)
    token["iat"] += ahead
    given = str(token)

    keys(*(others and (NEW,)), *(others or (OLD,)))

    assert status_of(given) == status


@pytest.mark.parametrize(("ago", "status"), [(CLOCK_LEEWAY_SECONDS - 5, 200), (CLOCK_LEEWAY_SECONDS + 1, 401)])
def test_token_that_ended_on_a_machine_whose_clock_is_ahead(ann: User, ago: int, status: int) -> None:
    token = AccessToken.for_user(ann)
    token["exp"] = int(time.time()) - ago

    assert [status_of(str(token)) for _ in range(2)] == [status] * 2  # the second time from the cache


@pytest.mark.parametrize("remove", [lambda: run_housekeeping(Event()), lambda: call_command("purge", yes=True)])
def test_used_refresh_token_is_refused_also_between_its_end_and_the_leeway(ann: User, remove: Any) -> None:
    older = RefreshToken.for_user(ann)  # of a release before 1.2
    older["exp"] = int(time.time()) - 2
    older.blacklist()
    tokens_of(ann)
    session, moment = Session.objects.get(), timezone.now() - timedelta(seconds=2)
    for model in (Session, OutstandingToken):
        model.objects.update(expires_at=moment)
    token = tokens.pair(session=Session.objects.get(), user=ann)["refresh"]
    Session.objects.update(refresh_id=uuid.uuid4(), former_refresh_id=uuid.uuid4())

    remove()

    for used in (str(older), token):
        assert APIClient().post("/api/v1/auth/token/refresh", {"refresh": used}).json()["code"] == "session_ended"
    assert (Session.objects.get().pk, Session.objects.get().end_reason) == (session.pk, "reused")
    for model in (Session, OutstandingToken):
        model.objects.update(expires_at=timezone.now() - timedelta(days=2))
    TaskState.objects.filter(name="daily").delete()
    remove()
    assert (Session.objects.count(), OutstandingToken.objects.count()) == (0, 0)


def test_sign_out_ends_tokens_of_a_clock_that_is_ahead(ann: User) -> None:
    token = AccessToken(tokens_of(ann)["access"])
    token["iat"] += CLOCK_LEEWAY_SECONDS - 1

    sign_out_everywhere(user=ann)

    assert status_of(str(token)) == 401


def test_changed_password_ends_tokens_of_a_clock_that_is_ahead(ann: User) -> None:
    token = AccessToken(tokens_of(ann)["access"])
    token["iat"] += CLOCK_LEEWAY_SECONDS - 1

    ann.set_password("another-violet-42")
    ann.save(update_fields=["password"])

    assert status_of(str(token)) == 401


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
