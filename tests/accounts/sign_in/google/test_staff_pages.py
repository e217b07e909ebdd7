"""Staff sign in to the admin with Google: by redirects through the fake's page, as a browser follows them."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from axes.models import AccessAttempt
from django.core import signing
from django.test import Client
from django.urls import set_script_prefix
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import access, roles
from accounts.models import SignIn, User
from accounts.sign_in.google import staff_pages
from tests.accounts.sign_in.google.staff_flow import (
    BEGIN,
    FINISH,
    LOGIN,
    Begun,
    begin,
    finish,
    googles_form,
    message,
    outcome,
)
from tests.conftest import MakeUser
from tests.fakes.google_issuer import CLIENT_ID, FakeIssuer

OFFICE = "/admin/"
SUBJECT = "110169484474386276334"
EXPIRED = "This sign-in with Google has expired, or was used before."
NOBODY = "No member of staff has this Google account."

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(make_user: MakeUser) -> User:
    """A member of staff with a verified address."""
    user = make_user(staff=True)
    User.objects.filter(pk=user.pk).update(email_verified_at=timezone.now())
    return user


def test_member_of_staff_signs_in(issuer: FakeIssuer, ann: User) -> None:
    begun = begin("?next=/admin/accounts/user/")

    response = finish(begun)

    assert outcome(response) == ("/admin/accounts/user/", "ann@example.com")
    assert response.client.get(OFFICE).status_code == 200
    assert list(User.objects.values_list("google_id", flat=True)) == [SUBJECT]
    assert list(SignIn.objects.values_list("user__email", "channel", "method", "succeeded")) == [
        ("ann@example.com", "admin", "google", True)
    ]
    assert User.objects.get().last_login is not None


def test_question_to_google(issuer: FakeIssuer, settings: Any) -> None:
    settings.GOOGLE_HOSTED_DOMAIN = "example.com"
    first, second = begin(), begin()

    question, other = first.question, second.question

    assert first.url.startswith(f"{issuer.authorization_url}?")
    assert len({question["state"], question["nonce"], other["state"], other["nonce"]}) == 4
    assert {name: value for name, value in question.items() if name not in {"state", "nonce"}} == {
        "client_id": CLIENT_ID,
        "redirect_uri": f"http://testserver{FINISH}",
        "response_type": "id_token",
        "response_mode": "form_post",
        "scope": "openid email",
        "prompt": "select_account",
        "hd": "example.com",
    }
    cookie = first.cookie
    assert (cookie["path"], cookie["samesite"], cookie["secure"], cookie["httponly"], cookie["max-age"]) == (
        BEGIN,
        "None",
        True,
        True,
        600,
    )


@pytest.fixture
def base_path(settings: Any) -> Iterator[str]:
    settings.BASE_PATH = settings.FORCE_SCRIPT_NAME = "/AIStudio"
    set_script_prefix("/AIStudio/")  # the WSGI handler does this, the test client's does not
    yield "/AIStudio"
    set_script_prefix("/")


def test_base_path_is_in_every_url(issuer: FakeIssuer, ann: User, base_path: str) -> None:
    response = Client().get(f"{base_path}{BEGIN}")
    begun = Begun(response.cookies[staff_pages.COOKIE], response["Location"])

    response = finish(begun)

    assert begun.cookie["path"] == f"{base_path}{BEGIN}"
    assert begun.question["redirect_uri"] == f"http://testserver{base_path}{FINISH}"
    assert response["Location"] == f"{base_path}{OFFICE}"


def test_sign_in_page_offers_it_for_the_requested_page(client: Client) -> None:
    page = client.get(f"{LOGIN}?next=/admin/accounts/user/%3Fq%3Da%26b").content.decode()

    [link] = re.findall(r'href="(/admin/google/[^"]*)"', page)
    assert unescape(link) == f"{BEGIN}?{urlencode({'next': '/admin/accounts/user/?q=a&b'}, safe='/')}"
    assert "Sign in with Google" in page


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil"])
def test_other_sites_are_never_next(issuer: FakeIssuer, ann: User, wanted: str) -> None:
    assert outcome(finish(begin(f"?{urlencode({'next': wanted})}")))[0] == OFFICE


def test_second_factor_is_still_asked_for(issuer: FakeIssuer, ann: User) -> None:
    TOTPDevice.objects.create(user=ann, name="Authenticator app", confirmed=True)

    browser = finish(begin()).client

    assert browser.get(OFFICE)["Location"].startswith("/admin/second-factor/code/")
    assert browser.get(BEGIN).status_code == 302


def test_required_second_factor_has_to_be_set_up(issuer: FakeIssuer, ann: User, settings: Any) -> None:
    settings.REQUIRE_STAFF_OTP = True

    assert finish(begin()).client.get(OFFICE)["Location"].startswith("/admin/second-factor/?")


@pytest.mark.parametrize("role", [roles.Role.SUPPORT, roles.Role.OPERATOR])
def test_limited_roles_may_enter(issuer: FakeIssuer, ann: User, make_user: MakeUser, role: roles.Role) -> None:
    make_user("boss@example.com", staff=True)
    roles.assign(user=ann, role=role)

    assert outcome(finish(begin())) == (OFFICE, "ann@example.com")


def test_unknown_google_account_gets_no_account(issuer: FakeIssuer) -> None:
    response = finish(begin())

    assert outcome(response) == (LOGIN, "")
    assert NOBODY in message(response)
    assert not User.objects.exists()


def test_user_without_a_role_stays_out_and_is_not_linked(issuer: FakeIssuer, ann: User, make_user: MakeUser) -> None:
    User.objects.filter(pk=ann.pk).update(is_staff=False, is_superuser=False)

    response = finish(begin())

    assert (outcome(response), NOBODY in message(response)) == ((LOGIN, ""), True)
    assert list(User.objects.values_list("google_id", flat=True)) == [None]
    assert list(SignIn.objects.values_list("user__email", "succeeded")) == [("ann@example.com", False)]


def test_deactivated_member_of_staff_stays_out(issuer: FakeIssuer, ann: User) -> None:
    access.deactivate(user=ann)

    assert outcome(finish(begin())) == (LOGIN, "")


def test_unverified_member_of_staff_is_not_taken_over(issuer: FakeIssuer, make_user: MakeUser) -> None:
    make_user(staff=True)

    response = finish(begin())

    assert outcome(response) == (LOGIN, "")
    assert "the address is not verified" in message(response)


def test_response_works_once(issuer: FakeIssuer, ann: User) -> None:
    begun = begin()
    form = googles_form(begun.url)[1]
    first = finish(begun, form)

    second = finish(begun, form)

    assert outcome(first) == (OFFICE, "ann@example.com")
    assert (outcome(second), EXPIRED in message(second)) == ((LOGIN, ""), True)
    assert first.cookies[staff_pages.COOKIE]["max-age"] == 0


def test_token_of_another_attempt_is_refused(issuer: FakeIssuer, ann: User) -> None:
    """A page that has a genuine token of its visitor cannot use it here."""
    ours, theirs = begin(), begin()

    response = finish(ours, googles_form(ours.url)[1] | {"id_token": googles_form(theirs.url)[1]["id_token"]})

    assert outcome(response) == (LOGIN, "")
    assert list(SignIn.objects.values_list("user", "channel", "method", "succeeded")) == [
        (None, "admin", "google", False)
    ]


def test_token_without_a_nonce_is_refused(issuer: FakeIssuer, ann: User) -> None:
    begun = begin()

    response = finish(begun, {"state": begun.question["state"], "id_token": issuer.token()})

    assert outcome(response) == (LOGIN, "")


@pytest.mark.parametrize("state", ["", "x", "ä", None])
def test_response_with_another_state_is_refused(issuer: FakeIssuer, ann: User, state: str | None) -> None:
    """Somebody else's sign-in that is put before a member of staff."""
    begun = begin()
    form = googles_form(begun.url)[1]
    form.pop("state")

    response = finish(begun, form if state is None else form | {"state": state})

    assert (outcome(response), EXPIRED in message(response)) == ((LOGIN, ""), True)


@pytest.mark.parametrize("cookie", ["", "x", "e30:1tXXXX:forged"])
def test_response_without_our_cookie_is_refused(issuer: FakeIssuer, ann: User, cookie: str) -> None:
    assert outcome(finish(begin(), cookie=cookie)) == (LOGIN, "")


def test_attempt_expires(issuer: FakeIssuer, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = begin()
    form = googles_form(begun.url)[1]
    monkeypatch.setattr(signing.time, "time", lambda: timezone.now().timestamp() + 601)

    assert outcome(finish(begun, form)) == (LOGIN, "")


def test_user_who_cancels_at_google_is_back_at_the_sign_in_page(issuer: FakeIssuer, ann: User) -> None:
    begun = begin()

    response = finish(begun, {"state": begun.question["state"], "error": "access_denied"})

    assert outcome(response) == (LOGIN, "")
    assert "Google has not signed you in." in message(response)


def test_key_server_that_is_down_is_explained(issuer: FakeIssuer, ann: User) -> None:
    issuer.fault = "500"

    response = finish(begin())

    assert outcome(response) == (LOGIN, "")
    assert "keys cannot be fetched at the moment" in message(response).replace("&#x27;", "'")


def test_locked_client_ip_stays_out_and_no_token_is_kept(issuer: FakeIssuer, ann: User, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    issuer.user = {"aud": "other.apps.googleusercontent.com"}
    begun = begin()
    forms = [{"state": begun.question["state"], "id_token": issuer.token()} for _ in range(2)]
    refused = [finish(begun, form) for form in forms]
    issuer.user = {}

    response = finish(begin())

    assert [outcome(each) for each in [*refused, response]] == [(LOGIN, "")] * 3
    assert "Too many failed attempts" in message(response)
    kept = str(list(AccessAttempt.objects.values()))
    assert not any(secret in kept for form in forms for secret in form.values())


@pytest.mark.parametrize(("method", "path"), [("post", BEGIN), ("get", FINISH)])
def test_other_methods_are_refused(client: Client, method: str, path: str) -> None:
    assert getattr(client, method)(path).status_code == 405
