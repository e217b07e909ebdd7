"""Changes of an account during a sign-in to it: in every order, no token outlives the change.

Each thread has its own connection. The sign-in is held at its slow step: after the row was read, where the password is
checked.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Any, ClassVar

import pytest
from django.conf import settings
from django.contrib.auth.hashers import MD5PasswordHasher, make_password
from django.db import connection
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import RefreshToken
from unfold.forms import AdminOwnPasswordChangeForm, AdminPasswordChangeForm

from accounts import access, roles
from accounts.models import User
from accounts.roles import Role
from tests.conftest import PASSWORD, MakeUser

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
SIGN_IN, REFRESH, ME = (f"/api/v1/auth/{name}" for name in ("token", "token/refresh", "me"))
OTHER = "another-long-passphrase"


class HeldHasher(MD5PasswordHasher):
    """Lets a test act after a sign-in has read the account."""

    algorithm = "held"
    held: ClassVar[Event] = Event()
    may_finish: ClassVar[Event] = Event()

    def verify(self, password: str, encoded: str) -> bool:
        self.held.set()
        assert self.may_finish.wait(30)
        return bool(super().verify(password, encoded))


@pytest.fixture(autouse=True)
def _held(settings: Any) -> Iterator[None]:
    HeldHasher.held.clear()
    HeldHasher.may_finish.clear()
    ours = "tests.accounts.sign_in.test_sign_in_races.HeldHasher"
    settings.PASSWORD_HASHERS = [ours, *settings.PASSWORD_HASHERS]
    yield
    HeldHasher.may_finish.set()


def during(act: Callable[[], Any], change: Callable[[], Any]) -> Any:
    """The result of `act`; another thread makes the `change` in the middle of it."""

    def run() -> Any:
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(run)
        try:
            assert HeldHasher.held.wait(30)
            change()
            time.sleep(1.01 - time.time() % 1)  # the tokens are of a later second than the change
        finally:
            HeldHasher.may_finish.set()
        return answer.result(60)


def sign_in(user: User, password: str = PASSWORD) -> Any:
    return APIClient().post(SIGN_IN, {"email": user.email, "password": password})


def may(pair: dict[str, str]) -> tuple[int, int]:
    """The responses to a request with the access token, and to a refresh."""
    client = APIClient()
    used = client.get(ME, HTTP_AUTHORIZATION=f"Bearer {pair['access']}").status_code
    return used, client.post(REFRESH, {"refresh": pair["refresh"]}).status_code


def set_password(user: User) -> None:
    fresh = User.objects.get(pk=user.pk)
    fresh.password = make_password(OTHER)
    fresh.save(update_fields=["password", "updated_at"])


CHANGES: dict[str, Callable[[User], Any]] = {
    "support": lambda user: roles.assign(user=User.objects.get(pk=user.pk), role=Role.SUPPORT),
    "operator": lambda user: roles.assign(user=User.objects.get(pk=user.pk), role=Role.OPERATOR),
    "deactivated": lambda user: access.deactivate(user=User.objects.get(pk=user.pk)),
    "signed out": lambda user: access.sign_out_everywhere(user=User.objects.get(pk=user.pk)),
    "other password": set_password,
}


@pytest.mark.parametrize("staff", [False, True])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_tokens_of_a_sign_in_do_not_outlive_a_change(
    make_user: MakeUser, change: Callable[[User], Any], staff: bool
) -> None:
    make_user("boss@example.com", staff=True)
    user = make_user(staff=staff)

    answer = during(lambda: sign_in(user), lambda: change(user))

    assert may(answer.json()) == (401, 401) if answer.status_code == 200 else answer.status_code in (401, 403)


def test_role_is_read_although_all_else_is_as_it_was(make_user: MakeUser) -> None:
    """A role assigned without a sign-out, as by a direct change of the database."""
    HeldHasher.may_finish.set()
    user = make_user(staff=True)
    pair = sign_in(user).json()
    User.objects.filter(pk=user.pk).update(is_superuser=False)
    before = APIClient().get(ME, HTTP_AUTHORIZATION=f"Bearer {pair['access']}").status_code
    user.groups.set(roles.groups_of(Role.OPERATOR))

    after = APIClient().get(ME, HTTP_AUTHORIZATION=f"Bearer {pair['access']}")

    assert (before, after.status_code, after.json()["code"]) == (200, 401, "back_office_only")
    assert APIClient().post(REFRESH, {"refresh": pair["refresh"]}).status_code == 401


def test_session_of_a_sign_in_does_not_outlive_a_sign_out(make_user: MakeUser) -> None:
    user, browser = make_user(staff=True), Client()
    form = {"username": user.email, "password": PASSWORD}

    answer = during(lambda: browser.post("/admin/login/?next=/admin/", form), lambda: CHANGES["signed out"](user))

    assert (answer.status_code, browser.get("/admin/").status_code) == (302, 302)


def test_old_password_does_not_come_back_with_a_newer_hash(make_user: MakeUser) -> None:
    """The upgrade of an outdated hash at sign-in must not undo a change of password."""
    user = make_user()  # made with `held`, which is the first
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]

    during(lambda: sign_in(user), lambda: set_password(user))

    user.refresh_from_db()
    assert (user.check_password(OTHER), user.check_password(PASSWORD)) == (True, False)


@pytest.mark.parametrize("own", [False, True])
def test_new_password_does_not_undo_a_deactivation(make_user: MakeUser, own: bool) -> None:
    """Django's forms save the whole row, as it was when the request began."""
    make_user("boss@example.com", staff=True)
    ann = make_user(staff=True)
    row = User.objects.get(pk=ann.pk)
    HeldHasher.may_finish.set()
    data = {"old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER}
    data |= {"password1": OTHER, "password2": OTHER, "usable_password": "true"}
    form = (AdminOwnPasswordChangeForm if own else AdminPasswordChangeForm)(row, data)
    access.deactivate(user=ann)

    assert form.is_valid()
    form.save()

    kept = User.objects.get(pk=ann.pk)
    assert (kept.is_active, kept.signed_out_at, kept.check_password(OTHER)) == (False, ann.signed_out_at, True)


def test_sign_outs_are_ordered_by_times_of_the_database(make_user: MakeUser) -> None:
    """Also if its clock was set back by an hour."""
    user, ahead = make_user(), timezone.now() + timedelta(hours=1)
    User.objects.filter(pk=user.pk).update(signed_out_at=ahead)

    access.sign_out_everywhere(user=user)

    assert user.signed_out_at == ahead + timedelta(microseconds=1)


def test_token_of_the_moment_after_a_sign_out_is_good(make_user: MakeUser) -> None:
    HeldHasher.may_finish.set()
    user = make_user()
    access.sign_out_everywhere(user=user)

    assert may(sign_in(user).json()) == (200, 200)


@pytest.mark.parametrize(("ago", "status"), [(0, 401), (2, 200)])
def test_token_of_an_earlier_version_is_compared_by_the_second(make_user: MakeUser, ago: int, status: int) -> None:
    user = make_user()
    old = RefreshToken.for_user(user)  # the library's, without the claim
    User.objects.filter(pk=user.pk).update(signed_out_at=timezone.now() - timedelta(seconds=ago))

    assert may({"access": str(old.access_token), "refresh": str(old)}) == (status, status)
