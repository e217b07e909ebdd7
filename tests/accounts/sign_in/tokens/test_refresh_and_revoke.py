"""Refresh tokens: exchanged for a new pair, refused, and revoked by a sign-out."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken

from accounts.models import User
from tests.accounts.sign_in.tokens.conftest import (
    CHANGES,
    REFRESH,
    REVOKE,
    challenge,
    change_password,
    ended,
    expired,
    lock,
    me,
    outcome,
    sign_in,
    vanish,
)

pytestmark = pytest.mark.django_db


# -- Refresh


def test_refresh_token_is_exchanged_for_a_new_pair(anonymous: APIClient, ann: User) -> None:
    first = sign_in(anonymous).json()

    second = anonymous.post(REFRESH, {"refresh": first["refresh"]})
    third = anonymous.post(REFRESH, second.json())  # the whole response

    assert (second.status_code, sorted(second.json())) == (200, ["access", "expiresIn", "refresh"])
    assert (third.status_code, second.json()["expiresIn"], third.json()["expiresIn"]) == (200, 3600, 3600)
    for pair in (first, second.json(), third.json()):
        assert me(anonymous, pair["access"]).json()["id"] == str(ann.pk)
    assert len({pair["refresh"] for pair in (first, second.json(), third.json())}) == 3
    assert (ended(), OutstandingToken.objects.count()) == ([""], 0)


@pytest.mark.parametrize(("change", "code"), CHANGES)
def test_refresh_ends_with_the_account_or_its_password(
    anonymous: APIClient, ann: User, change: Callable[[User], None], code: str
) -> None:
    refresh = sign_in(anonymous).json()["refresh"]
    change(ann)

    answer = anonymous.post(REFRESH, {"refresh": refresh})

    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer["WWW-Authenticate"] == challenge(answer)
    assert ended() in ([""], [])


@pytest.mark.parametrize("url", [REFRESH, REVOKE])
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("expired", "token_expired"),
        ("access", "access_token_used_as_refresh"),
        ("garbage", "token_invalid"),
        ("not ascii", "token_invalid"),
    ],
)
def test_bad_refresh_token(anonymous: APIClient, ann: User, url: str, kind: str, code: str) -> None:
    token = {
        "expired": expired(RefreshToken.for_user(ann)),
        "access": sign_in(anonymous).json()["access"],
        "garbage": "a.b.c",
        "not ascii": "ä.ö.ü",
    }[kind]

    answer = anonymous.post(url, {"refresh": str(token)})

    assert (answer.status_code, answer.json()["code"], sorted(answer.json())) == (401, code, ["code", "detail"])
    assert answer["WWW-Authenticate"] == challenge(answer)
    assert (set(ended()) <= {""}, BlacklistedToken.objects.count()) == (True, 0)


@pytest.mark.parametrize("url", [REFRESH, REVOKE])
def test_missing_refresh_token(anonymous: APIClient, url: str) -> None:
    assert outcome(anonymous.post(url, {})) == (
        400,
        {
            "detail": "refresh: This field is required.",
            "code": "invalid",
            "errors": {"refresh": ["This field is required."]},
        },
    )


# -- Revoke


def test_sign_out_ends_the_session_with_its_access_tokens(anonymous: APIClient, ann: User) -> None:
    pair, other = sign_in(anonymous).json(), sign_in(anonymous).json()

    answer = anonymous.post(REVOKE, {"refresh": pair["refresh"]})

    assert (answer.status_code, answer.content) == (204, b"")
    refused = {"detail": "The session has ended (signed out). Sign in again.", "code": "session_ended"}
    assert outcome(me(anonymous, pair["access"])) == (401, refused)
    assert outcome(anonymous.post(REFRESH, {"refresh": pair["refresh"]})) == (401, refused)
    assert me(anonymous, other["access"]).status_code == 200
    assert anonymous.post(REFRESH, {"refresh": other["refresh"]}).status_code == 200
    assert ended() == ["signed_out", ""]


def test_used_refresh_token_signs_out(anonymous: APIClient, ann: User) -> None:
    first = sign_in(anonymous).json()
    second = anonymous.post(REFRESH, {"refresh": first["refresh"]}).json()

    assert anonymous.post(REVOKE, {"refresh": first["refresh"]}).status_code == 204

    assert (me(anonymous, second["access"]).status_code, ended()) == (401, ["signed_out"])


def test_signing_out_again_changes_nothing(anonymous: APIClient, ann: User) -> None:
    refresh = sign_in(anonymous).json()["refresh"]

    answers = [anonymous.post(REVOKE, {"refresh": refresh}).status_code for _ in range(2)]

    assert (answers, ended(), BlacklistedToken.objects.count()) == ([204, 204], ["signed_out"], 1)


@pytest.mark.parametrize("change", [lock, change_password, vanish])
def test_users_who_cannot_sign_in_can_sign_out(anonymous: APIClient, ann: User, change: Callable[[User], None]) -> None:
    refresh = sign_in(anonymous).json()["refresh"]
    change(ann)

    answer = anonymous.post(REVOKE, {"refresh": refresh})

    assert answer.status_code == 204
    assert ended() in (["signed_out"], [])
