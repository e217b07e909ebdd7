"""Users are deactivated and reactivated, and their sessions ended: at the API and in the back office."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import access
from accounts.models import Session, User
from tests.conftest import PASSWORD, MakeUser

SIGN_IN, REFRESH, ME = (f"/api/v1/auth/{name}" for name in ("token", "token/refresh", "me"))

pytestmark = pytest.mark.django_db


def sign_in(client: APIClient, user: User) -> dict[str, str]:
    answer = client.post(SIGN_IN, {"email": user.email, "password": PASSWORD})
    assert answer.status_code == 200
    return dict(answer.json())


def status_of(client: APIClient, pair: dict[str, str]) -> tuple[int, int]:
    """Of a request with the access token, and of a refresh."""
    refreshed = client.post(REFRESH, {"refresh": pair["refresh"]})
    return client.get(ME, HTTP_AUTHORIZATION=f"Bearer {pair['access']}").status_code, refreshed.status_code


@pytest.mark.parametrize("end", [access.deactivate, access.sign_out_everywhere])
def test_tokens_end_at_once(anonymous: APIClient, make_user: MakeUser, end: Callable[..., None]) -> None:
    ann, bob = make_user(), make_user("bob@example.com")
    pair, other = sign_in(anonymous, ann), sign_in(anonymous, bob)

    end(user=ann)

    assert (status_of(anonymous, pair), status_of(anonymous, other)) == ((401, 401), (200, 200))
    assert dict(Session.objects.values_list("user", "end_reason")) == {ann.pk: "staff", bob.pk: ""}


def test_reactivated_user_has_to_sign_in_again(anonymous: APIClient, make_user: MakeUser) -> None:
    ann = make_user()
    pair = sign_in(anonymous, ann)
    access.deactivate(user=ann)
    refused = anonymous.post(SIGN_IN, {"email": ann.email, "password": PASSWORD}).status_code

    access.reactivate(user=ann)
    stale = status_of(anonymous, pair)

    assert (refused, stale, status_of(anonymous, sign_in(anonymous, ann))) == (401, (401, 401), (200, 200))


def test_token_from_before_a_sign_out_is_refused(anonymous: APIClient, make_user: MakeUser) -> None:
    ann = make_user()
    pair = sign_in(anonymous, ann)
    User.objects.filter(pk=ann.pk).update(signed_out_at=timezone.now())

    answer = anonymous.get(ME, HTTP_AUTHORIZATION=f"Bearer {pair['access']}")

    assert (answer.status_code, answer.json()["code"]) == (401, "signed_out")


def test_browser_sessions_end_with_it(make_user: MakeUser) -> None:
    sue, client = make_user("sue@example.com", staff=True), Client()
    client.force_login(sue)
    before = client.get("/admin/").status_code

    access.sign_out_everywhere(user=sue)

    assert (before, client.get("/admin/").status_code) == (200, 302)
    client.force_login(sue)
    assert client.get("/admin/").status_code == 200


def test_what_was_saved_or_read_again_is_what_the_next_save_compares_with(make_user: MakeUser) -> None:
    ann = User.objects.get(pk=make_user().pk)
    found = []
    for is_active in (False, True):
        ann.is_active = is_active
        ann.save()
        found.append(User.objects.get(pk=ann.pk).is_active)
    User.objects.filter(pk=ann.pk).update(is_active=False)
    ann.refresh_from_db()
    ann.is_active = True
    ann.save()

    assert [*found, User.objects.get(pk=ann.pk).is_active] == [False, True, True]


def test_save_leaves_what_another_has_changed_and_what_was_not_read(make_user: MakeUser) -> None:
    ann = User.objects.only("email").get(pk=make_user().pk)
    User.objects.filter(pk=ann.pk).update(is_active=False)
    ann.refresh_from_db(fields=["is_staff"])
    ann.email = "ann@example.org"
    ann.save()

    assert User.objects.values_list("email", "is_active").get() == ("ann@example.org", False)
