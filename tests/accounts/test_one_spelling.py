"""One e-mail address is one account, in every spelling of its domain."""

import io
from importlib import import_module
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.apps import apps
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.checks import each_email_has_one_account
from accounts.models import SignIn, User
from accounts.registration import EmailTaken, create_user
from studio.emails import normal_email
from tests.conftest import PASSWORD, MakeUser

REGISTER, SIGN_IN = "/api/v1/auth/register", "/api/v1/auth/token"
SPELLINGS = ("ann@bücher.example", "Ann@BÜCHER.example", "ann@xn--bcher-kva.example", "ann@XN--BCHER-KVA.example")
NORMAL = "ann@xn--bcher-kva.example"
migration: Any = import_module("accounts.migrations.0006_one_spelling")


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        *((spelling, NORMAL) for spelling in SPELLINGS),
        (" Ann@X.com ", "ann@x.com"),
        ("ann@bu\u0308cher.example", NORMAL),  # u and an umlaut
        ("ann@ｂücher。example", NORMAL),  # noqa: RUF001 - full width
        ("ann@straße.example", "ann@xn--strae-oqa.example"),  # not strasse: another domain may have that name
        ("ann@i❤.example", "ann@xn--i-7iq.example"),
        ("bücher", "bücher"),
        ("ann@" + "ü" * 400 + ".example", "ann@" + "ü" * 400 + ".example"),
        ("ann@\ud800.example", "ann@\ud800.example"),
        ("", ""),
    ],
)
def test_address_has_one_spelling(typed: str, normal: str) -> None:
    assert normal_email(typed) == normal


@pytest.mark.django_db
@pytest.mark.parametrize("second", SPELLINGS)
@pytest.mark.parametrize("first", SPELLINGS)
def test_second_spelling_is_no_second_account(anonymous: APIClient, first: str, second: str) -> None:
    made = anonymous.post(REGISTER, {"email": first, "password": PASSWORD})
    again = anonymous.post(REGISTER, {"email": second, "password": PASSWORD})
    signed_in = anonymous.post(SIGN_IN, {"email": second, "password": PASSWORD})

    assert (made.status_code, made.json()["email"]) == (201, NORMAL)
    assert (again.status_code, again.json()["code"], signed_in.status_code) == (400, "email_taken", 200)
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_every_channel_accepts_every_spelling(make_user: MakeUser, monkeypatch: pytest.MonkeyPatch) -> None:
    boss, ann = make_user("boss@example.com", staff=True), make_user(SPELLINGS[0])
    browser = Client()
    browser.force_login(boss)

    with pytest.raises(EmailTaken):
        create_user(email=SPELLINGS[1], password=PASSWORD)
    form = {"email": SPELLINGS[1], "password1": PASSWORD, "password2": PASSWORD, "role": ""}
    answer = browser.post(reverse("admin:accounts_user_add"), form)
    listed = browser.get(reverse("admin:accounts_user_changelist"), {"q": SPELLINGS[1]}).context["cl"]
    call_command("grant_tokens", SPELLINGS[1], 5, note="a gift", stdout=io.StringIO())
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", email="Sue@bücher.example", interactive=False, verbosity=0)

    assert (answer.status_code, [user.pk for user in listed.result_list]) == (200, [ann.pk])
    ann.token_account.refresh_from_db()
    assert ann.token_account.balance == 1005
    assert User.objects.get(is_superuser=True, email__startswith="sue").email == "sue@xn--bcher-kva.example"


@pytest.mark.django_db
def test_wrong_passwords_are_counted_together(anonymous: APIClient, make_user: MakeUser) -> None:
    ann = make_user(NORMAL)

    for spelling in SPELLINGS:
        anonymous.post(SIGN_IN, {"email": spelling, "password": "wrong"})

    counted = AccessAttempt.objects.values_list("username", "failures_since_start")
    assert list(counted) == [(NORMAL, len(SPELLINGS))]
    assert set(SignIn.objects.values_list("user", flat=True)) == {ann.pk}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address",
    ['"a\x1b[31m"@example.com', '"ann"@example.com', '"a b"@example.com', "\u017fam@example.com", "ann@\u2028.example"],
)
def test_address_that_is_not_plain_is_refused(anonymous: APIClient, address: str) -> None:
    answer = anonymous.post(REGISTER, {"email": address, "password": PASSWORD})

    assert (answer.status_code, list(answer.json()["errors"]), User.objects.count()) == (400, ["email"], 0)


@pytest.mark.django_db
def test_migration_keeps_everybody_signing_in(anonymous: APIClient, make_user: MakeUser) -> None:
    single, older, double = (make_user(f"{name}@example.com") for name in ("a", "b", "c"))
    User.objects.filter(pk=single.pk).update(email="bob@bücher.example")
    User.objects.filter(pk=older.pk).update(email=NORMAL)
    User.objects.filter(pk=double.pk).update(email=SPELLINGS[0])
    User.objects.filter(pk=double.pk).update(password=make_user("d@example.com", password="second-passphrase").password)

    migration.normalise(apps, None)

    addresses = dict(User.objects.exclude(email__startswith="d@").values_list("pk", "email"))
    assert addresses == {single.pk: "bob@xn--bcher-kva.example", older.pk: NORMAL, double.pk: SPELLINGS[0]}
    tried = [("bob@bücher.example", PASSWORD), (NORMAL, PASSWORD), (SPELLINGS[0], "second-passphrase")]
    answers = [anonymous.post(SIGN_IN, {"email": email, "password": password}) for email, password in tried]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    (warning,) = each_email_has_one_account(databases=["default"])
    assert (warning.id, str(double.pk) in warning.msg, each_email_has_one_account()) == ("accounts.W001", True, [])
