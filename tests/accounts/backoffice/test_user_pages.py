"""How staff find users in the back office, and what the page of one shows."""

from typing import Any

import pytest

from accounts.models import SignIn, User
from accounts.roles import Role
from tests.accounts.backoffice.conftest import page_of
from tests.conftest import MakeUser

pytestmark = pytest.mark.django_db


def test_page_shows_the_activity_of_a_user(clerk: Any, make_user: MakeUser) -> None:
    ann = make_user(tokens=77)
    SignIn.objects.create(user=ann, channel="api", succeeded=False, client_ip="192.0.2.7", client="curl/8")

    page = clerk(Role.SUPPORT).get(page_of(ann)).content.decode()

    for text in ("77", "192.0.2.7", "curl/8", "refused", "Signup", "Video jobs"):
        assert text in page
    assert "md5" not in page  # no password


@pytest.mark.parametrize("words", ["", "ann", "ANN@Example", "nobody", "x" * 500])
def test_users_are_searched_by_the_beginning_of_the_email(clerk: Any, make_user: MakeUser, words: str) -> None:
    make_user()
    page = clerk(Role.SUPPORT).get("/admin/accounts/user/", {"q": words}).content.decode()

    assert ("ann@example.com" in page) == (words.lower() in "ann@example.com")


def test_users_are_found_by_id_and_role(clerk: Any, make_user: MakeUser) -> None:
    ann, office = make_user(), clerk(Role.SUPPORT)
    make_user("boss@example.com", staff=True)

    def found(**query: str) -> list[bool]:
        page = office.get("/admin/accounts/user/", query).content.decode()
        return [f"/admin/accounts/user/{User.objects.get(email=who).pk}/change/" in page for who in asked]

    asked = ("ann@example.com", "sue@example.com", "boss@example.com")
    assert found(q=str(ann.pk)) == [True, False, False]
    assert found(role="support") == [False, True, False]
    assert found(role="admin") == [False, False, True]


def test_roles_are_explained(clerk: Any) -> None:
    office = clerk(Role.ADMIN)

    assert "refunds videos" in office.get("/admin/auth/group/").content.decode()
    assert office.get("/admin/auth/group/add/").status_code == 403
