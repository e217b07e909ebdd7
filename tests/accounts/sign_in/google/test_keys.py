"""When keys are fetched, which are used meanwhile, and what a key server that fails does to sign-ins."""

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.sign_in.google import keys
from accounts.sign_in.google.keys import GoogleUnavailable, Keys
from studio.env import PROJECT
from studio.http.active_requests import ActiveRequestLimit, holds_slot
from tests.conftest import PASSWORD, MakeUser
from tests.fakes.google_issuer import FakeIssuer, certificate
from tests.fakes.trickle import KINDS, TricklingServer
from tests.fixtures.google_issuer import SIGN_IN, SignInWithGoogle

MAX_AGE = 20_000  # seconds; the fake's, as Google's
At = Callable[[float], None]


def found(kept: Keys, key_id: str) -> str | None:
    """What a sign-in gets: "key", None for an unknown one, or the error's code."""
    try:
        return kept.certificate(key_id) and "key"
    except GoogleUnavailable as exc:
        return exc.code


@pytest.fixture
def kept(issuer: FakeIssuer) -> Keys:
    return keys.KEYS


def test_keys_are_fetched_once_while_they_are_fresh(issuer: FakeIssuer, kept: Keys, keys_clock: At) -> None:
    first = kept.certificate("key-1")
    keys_clock(MAX_AGE - 1)

    assert (first, kept.certificate("key-2")) == (certificate("key-1"), certificate("key-2"))
    assert issuer.fetches == 1


def test_rotated_key_is_fetched_when_the_old_ones_expire(issuer: FakeIssuer, kept: Keys, keys_clock: At) -> None:
    found(kept, "key-1")
    issuer.keys = ["key-2", "key-3"]

    before = found(kept, "key-1")
    keys_clock(MAX_AGE)

    assert (before, found(kept, "key-1"), found(kept, "key-3")) == ("key", None, "key")
    assert issuer.fetches == 2


def test_unknown_key_is_looked_up_at_once_but_not_again_and_again(
    issuer: FakeIssuer, kept: Keys, keys_clock: At
) -> None:
    found(kept, "key-1")
    issuer.keys.append("key-3")
    keys_clock(keys.PAUSE_SECONDS)

    assert found(kept, "key-3") == "key"
    assert [found(kept, f"random-{n}") for n in range(20)] == [None] * 20
    assert issuer.fetches == 2

    keys_clock(keys.PAUSE_SECONDS * 2)
    assert [found(kept, f"random-{n}") for n in range(20)] == [None] * 20
    assert issuer.fetches == 3


@pytest.mark.parametrize("header", ["no-cache", "", "max-age=0", "max-age=soon"])
def test_keys_without_a_lifetime_are_fetched_once_a_pause(
    issuer: FakeIssuer, kept: Keys, keys_clock: At, header: str
) -> None:
    issuer.cache_control = header

    for seconds in (0, 1, keys.PAUSE_SECONDS - 1, keys.PAUSE_SECONDS, keys.PAUSE_SECONDS + 1):
        keys_clock(seconds)
        assert found(kept, "key-1") == "key"

    assert issuer.fetches == 2


@pytest.mark.parametrize(("age", "fresh"), [("15000", 5000), ("30000", 0), ("old", 20_000)])
def test_age_in_caches_counts(age: str, fresh: int) -> None:
    assert keys._fresh_seconds({"Cache-Control": f"public, MAX-AGE={MAX_AGE}", "Age": age}) == fresh


def test_lifetime_has_a_limit() -> None:
    assert keys._fresh_seconds({"Cache-Control": "max-age=999999999"}) == keys.FRESH_MAX_SECONDS


@pytest.mark.parametrize("fault", ["500", "404", "302", "garbage", "list", "no certificates", "long", "deep"])
def test_response_without_keys_is_a_failure(issuer: FakeIssuer, kept: Keys, keys_clock: At, fault: str) -> None:
    issuer.fault = fault

    assert [found(kept, "key-1") for _ in range(5)] == ["google_unavailable"] * 5
    assert issuer.fetches == 1

    issuer.fault = ""
    keys_clock(keys.PAUSE_AFTER_FAILURE_SECONDS)
    assert (found(kept, "key-1"), found(kept, "stranger")) == ("key", None)


def test_old_keys_are_used_for_a_day_while_the_server_is_down(issuer: FakeIssuer, kept: Keys, keys_clock: At) -> None:
    found(kept, "key-1")
    issuer.fault = "500"

    for seconds in (MAX_AGE, MAX_AGE + 1, MAX_AGE + keys.STALE_SECONDS - 1):
        keys_clock(seconds)
        assert (found(kept, "key-1"), found(kept, "key-3")) == ("key", "google_unavailable")
    keys_clock(MAX_AGE + keys.STALE_SECONDS)

    assert found(kept, "key-1") == "google_unavailable"
    assert issuer.fetches == 3  # at the second and the last time, a fetch has failed just before


def test_others_use_the_old_keys_during_a_fetch_and_those_without_any_wait(
    issuer: FakeIssuer, kept: Keys, keys_clock: At
) -> None:
    found(kept, "key-1")
    issuer.fault, issuer.keys = "hang", ["key-1", "key-3"]
    keys_clock(MAX_AGE)
    with ThreadPoolExecutor(8) as pool:
        fetching = pool.submit(found, kept, "key-1")
        while issuer.fetches < 2:
            assert not fetching.done()

        assert found(kept, "key-2") == "key"
        waiting = [pool.submit(found, kept, "key-3") for _ in range(7)]
        issuer.may_respond.set()

        assert [each.result() for each in [fetching, *waiting]] == ["key"] * 8
    assert issuer.fetches == 2


def test_first_sign_ins_at_once_fetch_once(issuer: FakeIssuer, kept: Keys) -> None:
    issuer.fault = "hang"
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(found, kept, "key-1") for _ in range(8)]
        while not issuer.fetches:
            assert not any(each.done() for each in waiting)
        issuer.may_respond.set()

        assert [each.result() for each in waiting] == ["key"] * 8
    assert issuer.fetches == 1


def test_fetch_holds_no_slot_of_other_requests(issuer: FakeIssuer, kept: Keys) -> None:
    """With one slot in all, another request is served while the key server does not respond."""
    issuer.fault = "hang"
    outcomes: list[Any] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        outcomes.append(
            (environ["PATH_INFO"], holds_slot(), environ["PATH_INFO"] == "/google" and found(kept, "key-1"))
        )
        return []

    limit = ActiveRequestLimit(application, slots=1, threads=4)
    with ThreadPoolExecutor(1) as pool:
        fetching = pool.submit(limit, {"PATH_INFO": "/google"}, None)
        while not issuer.fetches:
            assert not fetching.done()
        limit({"PATH_INFO": "/password"}, None)
        issuer.may_respond.set()
        fetching.result()

    assert outcomes == [("/password", True, False), ("/google", True, "key")]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_response_that_never_ends_has_a_deadline(kind: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "TIMEOUT_SECONDS", 0.3)
    with TricklingServer(kind) as server:
        settings.GOOGLE_CERTS_URL = server.url

        assert found(Keys(), "key-1") == "google_unavailable"


@pytest.mark.django_db
def test_key_server_that_is_down_is_a_503_and_passwords_still_sign_in(
    issuer: FakeIssuer,
    sign_in_with_google: SignInWithGoogle,
    make_user: MakeUser,
    settings: Any,
    caplog: Any,
) -> None:
    make_user()
    settings.GOOGLE_CERTS_URL = "http://127.0.0.1:9/certs"  # nothing listens at the discard port

    response = APIClient().post(SIGN_IN, {"idToken": issuer.token()})
    password = APIClient().post("/api/v1/auth/token", {"email": "ann@example.com", "password": PASSWORD})

    assert (response.status_code, response.json(), response["Retry-After"]) == (
        503,
        {
            "detail": "Google's keys cannot be fetched at the moment. Please try again.",
            "code": "google_unavailable",
        },
        "10",
    )
    assert password.status_code == 200
    [line] = [record for record in caplog.records if record.message == "google_keys.fetch_failed"]
    assert (line.levelname, line.reason, line.keys) == ("WARNING", "NewConnectionError", 0)


@pytest.mark.once
@pytest.mark.slow
def test_web_process_loads_google_auth_at_the_first_sign_in_only() -> None:
    script = """
import json, sys, django
from django.test import Client
django.setup()
from django.urls import resolve
resolve("/api/v1/auth/google")
before = [name for name in sys.modules if name.partition(".")[0] == "google"]
from accounts.sign_in.google import id_tokens
try:
    id_tokens.verify("x.y.z")
except id_tokens.IdTokenInvalid:
    pass
print(json.dumps([before, "google.auth.jwt" in sys.modules, "google.genai" in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == [[], True, False]


@pytest.mark.once
@pytest.mark.slow
def test_unset_the_endpoint_and_the_pages_do_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLIENT_IDS", "")
    monkeypatch.setenv("STAFF_GOOGLE", "")
    script = """
import json, django
from django.test import Client
django.setup()
client = Client()
refused = client.post("/api/v1/auth/google", {}, content_type="application/json").json()["code"]
office = client.get("/admin/google/")["Location"]
documented = [path for path in client.get("/openapi.json").json()["paths"] if "google" in path]
print(json.dumps([refused, office, documented, "Google" in client.get("/admin/login/").content.decode()]))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == ["no_such_endpoint", "/admin/login/?next=/admin/google/", [], False]
