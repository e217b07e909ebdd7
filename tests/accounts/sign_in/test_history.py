"""Which sign-ins are recorded, and with which fields."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import roles
from accounts.models import SignIn, User
from tests.conftest import PASSWORD, MakeUser

API, BACK_OFFICE = "/api/v1/auth/token", "/admin/login/"

pytestmark = pytest.mark.django_db


def kept() -> list[tuple[Any, ...]]:
    rows = SignIn.objects.order_by("created_at", "id")
    return list(rows.values_list("user__email", "channel", "succeeded", "client_ip", "client"))


@pytest.mark.parametrize(("password", "succeeded"), [(PASSWORD, True), ("wrong-violet-42", False)])
def test_sign_in_at_the_api(anonymous: APIClient, make_user: MakeUser, password: str, succeeded: bool) -> None:
    make_user()

    anonymous.post(API, {"email": "Ann@example.com", "password": password}, HTTP_USER_AGENT="curl/8\t" + "x" * 400)

    assert kept() == [("ann@example.com", "api", succeeded, "127.0.0.1", f"curl/8{'x' * 294}")]


@pytest.mark.parametrize(("password", "succeeded"), [(PASSWORD, True), ("wrong-violet-42", False)])
def test_sign_in_at_the_back_office(client: Client, make_user: MakeUser, password: str, succeeded: bool) -> None:
    make_user("sue@example.com", staff=True)

    client.post(BACK_OFFICE, {"username": "sue@example.com", "password": password}, REMOTE_ADDR="2001:db8::1")

    assert kept() == [("sue@example.com", "admin", succeeded, "2001:db8::", "")]


@pytest.mark.parametrize("email", ["nobody@example.com", "my-secret-password"])
def test_email_of_no_account_is_not_kept(anonymous: APIClient, email: str) -> None:
    anonymous.post(API, {"email": email, "password": PASSWORD}, REMOTE_ADDR="")

    assert kept() == [(None, "api", False, None, "")]


def test_known_and_unknown_addresses_take_the_same_statements(anonymous: APIClient, make_user: MakeUser) -> None:
    make_user()
    counts = []
    for email in ("ann@example.com", "bob@example.com"):
        with CaptureQueriesContext(connection) as captured:
            anonymous.post(API, {"email": email, "password": "wrong-violet-42"})
        counts.append([query["sql"].split()[0] for query in captured.captured_queries])

    assert counts[0] == counts[1]


@pytest.mark.parametrize("role", [roles.Role.SUPPORT, roles.Role.OPERATOR])
def test_limited_role_has_no_access_to_the_api(anonymous: APIClient, make_user: MakeUser, role: roles.Role) -> None:
    sue = make_user("sue@example.com")
    roles.assign(user=sue, role=role)

    answer = anonymous.post(API, {"email": "sue@example.com", "password": PASSWORD})

    assert (answer.status_code, answer.json()["code"]) == (403, "back_office_only")
    assert kept() == [("sue@example.com", "api", False, "127.0.0.1", "")]
    assert User.objects.get().last_login is None


def test_old_sign_ins_are_selected_by_age(make_user: MakeUser) -> None:
    SignIn.objects.create(user=make_user(), channel="api", succeeded=True)
    now = timezone.now()

    assert SignIn.objects.older_than(now - timedelta(days=90)).count() == 0
    assert SignIn.objects.older_than(now + timedelta(seconds=1)).count() == 1
