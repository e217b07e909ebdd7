"""Deleted accounts in the back office: who may delete one, and how they appear."""

import threading

import pytest
from django.test import Client

from accounts.models import AccountTask, LedgerEntry, User
from accounts.own_account import deletion
from accounts.roles import Role, assign
from operations import account_tasks
from tests.conftest import MakeUser

pytestmark = pytest.mark.django_db

LIST = "/admin/accounts/user/"


def page(user: User, action: str = "change") -> str:
    return f"{LIST}{user.pk}/{action}/"


@pytest.fixture
def boss(make_user: MakeUser) -> User:
    return make_user("boss@example.com", staff=True)


@pytest.fixture
def office(boss: User) -> Client:
    client = Client()
    client.force_login(boss)
    return client


@pytest.fixture
def ann(make_user: MakeUser) -> User:
    return make_user("ann@example.com")


def test_admin_is_asked_first_and_the_page_states_what_happens(office: Client, ann: User) -> None:
    response = office.get(page(ann, "delete-account"))

    text = response.content.decode()
    assert "ann@example.com is signed out and loses the account at once." in text
    assert "This cannot be undone." in text
    ann.refresh_from_db()
    assert ann.deleted_at is None


def test_confirmed_deletion_is_done_and_named_without_the_address(office: Client, ann: User, boss: User) -> None:
    response = office.post(page(ann, "delete-account"), {"confirmed": "yes"}, follow=True)

    ann.refresh_from_db()
    assert ann.deleted_at is not None
    assert AccountTask.objects.get().kind == "deletion"
    assert f"Done: Delete the account (deleted account {ann.short_id})." in response.content.decode()


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.OPERATOR])
def test_other_roles_are_refused(make_user: MakeUser, ann: User, role: Role) -> None:
    member = make_user("member@example.com")
    assign(user=member, role=role)
    client = Client()
    client.force_login(User.objects.get(pk=member.pk))

    response = client.post(page(ann, "delete-account"), {"confirmed": "yes"})

    assert response.status_code == 403
    ann.refresh_from_db()
    assert ann.deleted_at is None
    assert "delete-account" not in client.get(page(ann)).content.decode()


def test_admins_do_not_delete_themselves_here(office: Client, boss: User, make_user: MakeUser) -> None:
    make_user("second@example.com", staff=True)

    response = office.post(page(boss, "delete-account"), {"confirmed": "yes"}, follow=True)

    assert "You cannot delete yourself here" in response.content.decode()
    boss.refresh_from_db()
    assert boss.deleted_at is None


def test_list_hides_deleted_accounts_until_the_filter_shows_them(office: Client, ann: User) -> None:
    deletion.delete(user=ann)
    name = f"deleted account {ann.short_id}"

    shown = {
        query: name in office.get(f"{LIST}{query}").content.decode() for query in ("", "?deleted=only", "?deleted=too")
    }

    assert shown == {"": False, "?deleted=only": True, "?deleted=too": True}
    assert "boss@example.com" not in office.get(f"{LIST}?deleted=only").content.decode().split("result_list")[-1]


def test_page_of_a_deleted_account_offers_no_change(office: Client, ann: User) -> None:
    deletion.delete(user=ann)

    text = office.get(page(ann)).content.decode()

    assert "Only the ledger and this row are kept." in text
    assert not any(f"/{action}/" in text for action in ("reactivate", "deactivate", "sign-out", "delete-account"))
    assert office.post(page(ann, "reactivate"), {"confirmed": "yes"}).status_code == 403
    assert office.post(page(ann, "password"), {"password1": "x", "password2": "x"}).status_code == 403
    ann.refresh_from_db()
    assert ann.is_active is False


def test_ledger_names_the_deleted_account(office: Client, ann: User) -> None:
    deletion.delete(user=ann)
    account_tasks.run_others(threading.Event())

    text = office.get("/admin/accounts/ledgerentry/").content.decode()

    assert f"deleted account {ann.short_id}" in text
    assert LedgerEntry.objects.filter(account__user=ann).count() == 1
