from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import LedgerEntry, TokenAccount, User
from accounts.registration import EmailTaken, create_user
from studio.api.fields import Timestamp
from studio.errors import InsufficientFunds

URL = "/api/v1/auth/register"
FORM = {"email": "Ann@Example.com", "password": "lorry-violet-42"}

pytestmark = pytest.mark.django_db


def rows() -> tuple[int, int, int]:
    return User.objects.count(), TokenAccount.objects.count(), LedgerEntry.objects.count()


def refusal(field: str, message: str, code: str = "invalid") -> dict[str, object]:
    return {"detail": f"{field}: {message}", "code": code, "errors": {field: [message]}}


def test_new_user_gets_an_account_with_the_signup_tokens(anonymous: APIClient) -> None:
    answer = anonymous.post(URL, FORM)

    user = User.objects.get()
    entry = LedgerEntry.objects.get()
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "id": str(user.pk),
            "email": "ann@example.com",
            "emailVerified": False,
            "isStaff": False,
            "tokens": {"balance": 100, "unlimited": False},
            "concurrentJobs": {"running": 0, "limit": 3},
            "createdAt": Timestamp().to_representation(user.created_at),
        },
    )
    assert user.check_password("lorry-violet-42")
    assert (user.is_staff, user.is_superuser, user.is_active) == (False, False, True)
    assert (entry.account, entry.kind, entry.amount, entry.balance_after) == (user.token_account, "signup", 100, 100)


def test_form_and_trailing_slash_are_taken_too(anonymous: APIClient) -> None:
    answer = anonymous.post(f"{URL}/", FORM, format="multipart")

    assert (answer.status_code, answer.json()["email"]) == (201, "ann@example.com")


def test_stale_token_in_the_header_does_not_matter(anonymous: APIClient) -> None:
    anonymous.credentials(HTTP_AUTHORIZATION="Bearer nonsense")

    assert anonymous.post(URL, FORM).status_code == 201


def test_blanks_are_part_of_a_password(anonymous: APIClient) -> None:
    anonymous.post(URL, FORM | {"password": "  lorry violet  "})

    user = User.objects.get()
    assert (user.check_password("  lorry violet  "), user.check_password("lorry violet")) == (True, False)


def test_same_address_in_another_case_is_taken(anonymous: APIClient) -> None:
    create_user(email="ann@example.com", password="x")

    answer = anonymous.post(URL, FORM | {"email": " ANN@EXAMPLE.COM "})

    message = "An account with this e-mail address already exists."
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": message, "code": "email_taken", "errors": {"email": [message]}},
    )
    assert rows() == (1, 1, 0)


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"email": ""}, "email", "This field may not be blank."),
        ({"email": "ann"}, "email", "Enter a valid email address."),
        ({"email": ["ann@example.com"]}, "email", "Enter a valid email address."),
        ({"email": "a\0nn@example.com"}, "email", "Null characters are not allowed."),
        # its lower case is longer than it is
        ({"email": f"a@{'İ.' * 120}example.com"}, "email", "Ensure this field has no more than 254 characters."),
        ({"email": f"{'a@example.com': <254}\n"}, "email", "Ensure this field has no more than 254 characters."),
        ({"password": "x" * 129}, "password", "Ensure this field has no more than 128 characters."),
        (
            {"password": "aB3-xyz"},
            "password",
            "This password is too short. It must contain at least 8 characters.",
        ),
        ({"password": "password1"}, "password", "This password is too common."),
        ({"password": "9471046213"}, "password", "This password is entirely numeric."),
        ({"password": "example.com"}, "password", "The password is too similar to the email."),
        ({"password": "lorry\0violet"}, "password", "Null characters are not allowed."),
    ],
)
def test_bad_form_is_refused_by_field(
    anonymous: APIClient, change: dict[str, object], field: str, message: str
) -> None:
    answer = anonymous.post(URL, FORM | change)

    body = answer.json()
    assert (answer.status_code, body["errors"][field][0]) == (400, message)
    assert (list(body["errors"]), body["detail"], body["code"]) == ([field], f"{field}: {message}", "invalid")
    assert rows() == (0, 0, 0)


def test_lone_surrogate_is_refused(anonymous: APIClient) -> None:
    answer = anonymous.generic("POST", URL, r'{"email": "a@x.com", "password": "\ud800-lorry"}', "application/json")

    message = "Surrogate characters are not allowed: U+D800."
    assert (answer.status_code, answer.json()) == (400, refusal("password", message))


def test_list_instead_of_a_form_is_refused(anonymous: APIClient) -> None:
    answer = anonymous.post(URL, [1])

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_closed_registration_says_so(anonymous: APIClient, settings: Any) -> None:
    settings.REGISTRATION_OPEN = False

    answer = anonymous.post(URL, FORM)

    assert (answer.status_code, answer.json()) == (
        403,
        {"detail": "Registration is closed.", "code": "registration_closed"},
    )
    assert rows() == (0, 0, 0)


def test_user_created_by_hand() -> None:
    user = create_user(email=" Ann@Example.com", password="x", tokens=7, staff=True, unlimited=True)

    account = TokenAccount.objects.get(user=user)
    assert (user.email, user.is_staff, user.is_superuser) == ("ann@example.com", True, True)
    assert (account.balance, account.unlimited) == (7, True)


def test_user_created_by_hand_needs_a_free_email() -> None:
    create_user(email="ann@example.com", password="x")

    with pytest.raises(EmailTaken):
        create_user(email="Ann@example.com", password="x", tokens=5)
    assert rows() == (1, 1, 0)


def test_user_and_account_are_created_together_or_not_at_all() -> None:
    with pytest.raises(InsufficientFunds):
        create_user(email="ann@example.com", password="x", tokens=-1)
    assert rows() == (0, 0, 0)


def test_djangos_own_tools_make_an_account_too() -> None:
    plain = User.objects.create_user("Ann@Example.com")
    admin = User.objects.create_superuser("bob@example.com", "lorry-violet-42")

    assert (plain.email, plain.is_staff, plain.has_usable_password()) == ("ann@example.com", False, False)
    assert (admin.is_staff, admin.is_superuser, admin.check_password("lorry-violet-42")) == (True, True, True)
    assert [user.token_account.balance for user in (plain, admin)] == [0, 0]
    assert LedgerEntry.objects.count() == 0
