"""Sessions in the back office: who sees them, and who ends one."""

import uuid
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import roles
from accounts.models import Session, User
from accounts.roles import Role
from tests.conftest import PASSWORD, MakeUser

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/session/"


@pytest.fixture
def pair(make_user: MakeUser) -> Any:
    make_user()
    return APIClient().post("/api/v1/auth/token", {"email": "ann@example.com", "password": PASSWORD}).json()


def staff(make_user: MakeUser, role: Role) -> tuple[User, Client]:
    user, client = make_user("sue@example.com", staff=role == Role.ADMIN), Client()
    if role not in (Role.NONE, Role.ADMIN):
        roles.assign(user=user, role=role)
    client.force_login(user)
    return user, client


def status_of(pair: Any) -> int:
    return APIClient().get("/api/v1/auth/me", HTTP_AUTHORIZATION=f"Bearer {pair['access']}").status_code


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN])
def test_staff_end_a_session(make_user: MakeUser, pair: Any, role: Role) -> None:
    sue, office = staff(make_user, role)
    session = Session.objects.get()

    asked = office.get(f"{LIST}{session.pk}/end/").content.decode()
    before = status_of(pair)
    pages = [office.post(f"{LIST}{session.pk}/end/", {"confirmed": "yes"}, follow=True) for _ in range(2)]

    texts = [page.content.decode() for page in pages]
    assert "must sign in again as ann@example.com" in asked
    assert ("Done: the session has ended." in texts[0], "had ended before" in texts[1]) == (True, True)
    assert (before, status_of(pair)) == (200, 401)
    assert Session.objects.get().end_reason == "staff"
    entries = LogEntry.objects.filter(object_pk=str(session.pk)).values_list("actor", "changes")
    assert list(entries) == [(sue.pk, {"action": ["", "End"], "user": ["", "ann@example.com"]})]


@pytest.mark.parametrize(("role", "may_end"), [(Role.OPERATOR, False), (Role.ADMIN, True)])
def test_only_an_admin_ends_sessions_of_an_admin(make_user: MakeUser, pair: Any, role: Role, may_end: bool) -> None:
    roles.assign(user=User.objects.get(email="ann@example.com"), role=Role.ADMIN)
    make_user("root@example.com", staff=True)
    _, office = staff(make_user, role)
    session = Session.objects.get()
    Session.objects.update(ended_at=None, end_reason="")

    offered = "End the session" in office.get(f"{LIST}{session.pk}/change/").content.decode()
    asked = office.get(f"{LIST}{session.pk}/end/").status_code == 200
    office.post(f"{LIST}{session.pk}/end/", {"confirmed": "yes"})

    assert (offered, asked, Session.objects.get().end_reason == "staff") == (may_end,) * 3


def test_support_sees_sessions_and_ends_none(make_user: MakeUser, pair: Any) -> None:
    _, office = staff(make_user, Role.SUPPORT)
    session = Session.objects.get()

    pages = [office.get(url).content.decode() for url in (LIST, f"{LIST}?q=ann@", f"{LIST}{session.pk}/change/")]
    refused = office.post(f"{LIST}{session.pk}/end/", {"confirmed": "yes"})

    assert ["ann@example.com" in page for page in pages] == [True] * 3
    assert "End the session" not in pages[2]
    assert (refused.status_code, status_of(pair)) == (403, 200)


def test_nothing_can_be_edited(make_user: MakeUser, pair: Any) -> None:
    _, office = staff(make_user, Role.ADMIN)
    session = Session.objects.get()

    refused = [
        office.post(f"{LIST}{page}", {"post": "yes"})
        for page in ("add/", f"{session.pk}/change/", f"{session.pk}/delete/")
    ]

    assert [response.status_code for response in refused] == [403] * 3
    assert Session.objects.count() == 1


def test_possible_thefts_are_found_by_the_filter(make_user: MakeUser, pair: Any) -> None:
    _, office = staff(make_user, Role.SUPPORT)
    stolen = Session.objects.get()
    stolen.client = "Stolen phone"
    stolen.save(update_fields=["client", "updated_at"])
    Session.objects.filter(pk=stolen.pk).end(Session.End.REUSED)
    now = timezone.now()
    others = [{"client": "Live laptop"}, {"client": "Old tablet", "expires_at": now}]
    for fields in others:
        row = {"refresh_id": uuid.uuid4(), "refreshed_at": now, "expires_at": stolen.expires_at} | fields
        Session.objects.create(user=stolen.user, **row)

    everything = office.get(LIST).content.decode()
    found = office.get(f"{LIST}?end_reason__exact=reused").content.decode()

    names = ("Stolen phone", "Live laptop", "Old tablet")
    assert [name in everything for name in names] == [True] * 3
    assert [name in found for name in names] == [True, False, False]
    assert "possibly stolen" in found.lower()


def test_ids_of_refresh_tokens_are_not_on_show(make_user: MakeUser, pair: Any) -> None:
    _, office = staff(make_user, Role.ADMIN)
    session = Session.objects.get()

    pages = office.get(LIST).content.decode() + office.get(f"{LIST}{session.pk}/change/").content.decode()

    assert str(session.refresh_id) not in pages
    assert session.refresh_id.hex not in pages
    assert office.get(f"{LIST}?refresh_id={session.refresh_id}").status_code == 400


def test_new_password_by_staff_ends_sessions(make_user: MakeUser, pair: Any) -> None:
    _, office = staff(make_user, Role.ADMIN)
    ann = User.objects.get(email="ann@example.com")
    form = {"password1": "another-violet-43", "password2": "another-violet-43", "usable_password": "true"}

    response = office.post(f"/admin/accounts/user/{ann.pk}/password/", form)

    assert (response.status_code, status_of(pair)) == (302, 401)
    assert Session.objects.get().end_reason == "password_changed"
