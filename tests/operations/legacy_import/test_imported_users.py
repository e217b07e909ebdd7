"""Imported users sign in with their former password, and each account opens once."""

from typing import Any

import bcrypt
import pytest
from django.db import IntegrityError
from rest_framework.test import APIClient

from accounts.models import LedgerEntry, User
from tests.conftest import MakeUser
from tests.operations.legacy_import.imports import PASSWORD, lines, move
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


def test_account_opens_once(make_user: MakeUser) -> None:
    account = make_user().token_account
    LedgerEntry.objects.create(account=account, kind="opening", amount=1, balance_after=1)

    with pytest.raises(IntegrityError):
        LedgerEntry.objects.create(account=account, kind="opening", amount=1, balance_after=2)
