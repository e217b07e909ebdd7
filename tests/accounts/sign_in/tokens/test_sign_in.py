"""Tokens for an e-mail address and a password, and refusals that reveal nothing."""

import pytest
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import Session, User
from accounts.registration import create_user
from studio.api.fields import Timestamp
from tests.accounts.sign_in.tokens.conftest import PASSWORD, SIGN_IN, lock, me, outcome, sign_in

REFUSED = {"detail": "The e-mail address or the password is wrong.", "code": "no_active_account"}
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("email", ["ann@example.com", " Ann@EXAMPLE.com "])
def test_tokens_for_a_password(anonymous: APIClient, ann: User, email: str) -> None:
    answer = sign_in(anonymous, email)

    assert (answer.status_code, sorted(answer.json())) == (200, ["access", "expiresIn", "refresh"])
    assert answer.json()["expiresIn"] == 3600
    assert AccessToken(answer.json()["access"])["sub"] == str(ann.pk)
    assert outcome(me(anonymous, answer.json()["access"])) == (
        200,
        {
            "id": str(ann.pk),
            "email": "ann@example.com",
            "emailVerified": False,
            "name": "",
            "isStaff": False,
            "tokens": {"balance": 0, "unlimited": False},
            "concurrentJobs": {"running": 0, "limit": 3},
            "createdAt": Timestamp().to_representation(ann.created_at),
        },
    )


@pytest.mark.parametrize("password", ["p" * 128, "  blanks count  ", "pässwörd-日本語"])
def test_password_of_any_kind(anonymous: APIClient, password: str) -> None:
    create_user(email="bob@example.com", password=password)

    assert sign_in(anonymous, "bob@example.com", password).status_code == 200
    assert outcome(sign_in(anonymous, "bob@example.com", f"{password} ")) == (401, REFUSED)


def test_refusals_do_not_reveal_who_has_an_account(anonymous: APIClient, ann: User) -> None:
    unknown = sign_in(anonymous, "bob@example.com")
    no_address = sign_in(anonymous, "bob")
    wrong = sign_in(anonymous, password="wrong-violet-42")
    lock(ann)
    locked = sign_in(anonymous)

    for answer in (unknown, no_address, wrong, locked):
        assert outcome(answer) == (401, REFUSED)
        assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
    assert not Session.objects.exists()


@pytest.mark.parametrize("form", [{}, {"email": "ann@example.com"}, {"email": {}, "password": PASSWORD}, [1], "text"])
def test_bad_sign_in_form(anonymous: APIClient, form: object) -> None:
    answer = anonymous.post(SIGN_IN, form)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
