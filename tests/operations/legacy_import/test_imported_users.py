"""Imported users sign in with their former password or with Google, and each account opens once."""

from datetime import UTC, datetime
from typing import Any

import bcrypt
import pytest
from django.db import IntegrityError
from rest_framework.test import APIClient

from accounts.models import LedgerEntry, User
from tests.conftest import MakeUser
from tests.fakes.google_issuer import FakeIssuer
from tests.fixtures.google_issuer import SignInWithGoogle
from tests.operations.legacy_import.imports import CREATED_AT, PASSWORD, lines, move
from tests.operations.legacy_import.legacy_tables import LegacyDatabase

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_bcrypt_passwords_sign_in_and_become_ours(legacy: LegacyDatabase, settings: Any, anonymous: APIClient) -> None:
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher",
        "accounts.sign_in.hashers.ImportedBcryptHasher",
    ]
    long = "x" * 100
    for email, password, prefix in (("ann@x.com", PASSWORD, "2b"), ("bob@x.com", long, "2y")):
        hashed = bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode()
        legacy.user(email, hashed_password=hashed.replace("$2b$", f"${prefix}$"))
    legacy.user("eve@x.com", hashed_password="plain")

    report = move(legacy)

    assert [(line[2], line[3]) for line in lines(report)] == [
        ("changed", "The password is not stored as bcrypt, and is dropped.")
    ]
    assert report["withoutPassword"] == 1
    assert User.objects.get(email="ann@x.com").password.startswith("bcrypt$$2b$04$")
    for email, password, status in (
        ("ann@x.com", PASSWORD, 200),
        ("ann@x.com", "wrong", 401),
        ("bob@x.com", long, 200),
        ("eve@x.com", "plain", 401),
    ):
        response = anonymous.post("/api/v1/auth/token", {"email": email, "password": password})
        assert response.status_code == status
    assert User.objects.get(email="ann@x.com").password.startswith("md5$")
    assert anonymous.post("/api/v1/auth/token", {"email": "ann@x.com", "password": PASSWORD}).status_code == 200


def test_google_ids_and_verified_addresses_are_imported(
    legacy: LegacyDatabase, issuer: FakeIssuer, sign_in_with_google: SignInWithGoogle, settings: Any
) -> None:
    settings.REGISTRATION_OPEN = False
    legacy.user("ann@x.com", google_id="1")
    legacy.user("bob@x.com")

    report = move(legacy)

    assert (report["withGoogleId"], report["withoutPassword"]) == (1, 1)
    assert list(User.objects.values_list("email", "google_id", "email_verified_at")) == [
        ("ann@x.com", "1", CREATED_AT),
        ("bob@x.com", None, None),
    ]
    assert sign_in_with_google(sub="1", email="ann@new.example") == (200, ["access", "expiresIn", "refresh"])
    assert sign_in_with_google(sub="2", email="bob@x.com") == (409, "email_unverified_account")


@pytest.mark.parametrize(
    ("kind", "value", "verified_at"),
    [
        ("BOOLEAN", "true", CREATED_AT),
        ("BOOLEAN", "false", None),
        ("BOOLEAN", "NULL", None),
        ("TIMESTAMP", "'2025-12-01 08:00'", datetime(2025, 12, 1, 8, tzinfo=UTC)),
    ],
)
def test_verified_address_in_either_form(
    legacy: LegacyDatabase, kind: str, value: str, verified_at: datetime | None
) -> None:
    legacy.run(f"ALTER TABLE users ADD COLUMN email_verified {kind} DEFAULT {value}")
    legacy.user("ann@x.com")

    move(legacy)

    assert User.objects.get().email_verified_at == verified_at


def test_users_of_an_earlier_import_get_their_google_ids(legacy: LegacyDatabase) -> None:
    ann, bob, eve = (legacy.user(f"{name}@x.com", google_id=name) for name in ("ann", "bob", "eve"))
    move(legacy)
    User.objects.update(google_id=None, email_verified_at=None)
    User.objects.filter(pk=bob).update(email="other@x.com")
    User.objects.filter(pk=eve).update(google_id="eve")

    report = move(legacy)

    assert [line[1:] for line in lines(report)] == [(ann, "changed", "It has its Google id now.")]
    assert list(User.objects.values_list("email", "google_id", "email_verified_at")) == [
        ("ann@x.com", "ann", CREATED_AT),
        ("eve@x.com", "eve", None),
        ("other@x.com", None, None),
    ]
    assert lines(move(legacy)) == []


def test_google_id_of_another_user_is_left_out(legacy: LegacyDatabase, make_user: MakeUser) -> None:
    User.objects.filter(pk=make_user("here@x.com").pk).update(google_id="1")
    legacy.user("ann@x.com", google_id="1")
    legacy.user("bob@x.com", google_id="")

    report = move(legacy)

    left_out = "The Google id is too long, or another user has it, and is left out."
    assert [line[2:] for line in lines(report)] == [("changed", left_out)]
    assert dict(User.objects.values_list("email", "google_id")) == {
        "ann@x.com": None,
        "bob@x.com": None,
        "here@x.com": "1",
    }


def test_account_opens_once(make_user: MakeUser) -> None:
    account = make_user().token_account
    LedgerEntry.objects.create(account=account, kind="opening", amount=1, balance_after=1)

    with pytest.raises(IntegrityError):
        LedgerEntry.objects.create(account=account, kind="opening", amount=1, balance_after=2)
