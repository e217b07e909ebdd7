"""Account tasks in the back office: who sees them, and who tries them again."""

from typing import Any

import pytest
from auditlog.models import LogEntry
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from accounts import roles
from accounts.models import AccountTask, User
from accounts.roles import Role
from tests.conftest import MakeUser

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/accounttask/"


def staff(make_user: MakeUser, role: Role) -> tuple[User, Client]:
    user, client = make_user("sue@example.com", staff=role == Role.ADMIN), Client()
    if role not in (Role.NONE, Role.ADMIN):
        roles.assign(user=user, role=role)
    client.force_login(user)
    return user, client


def add(email: str, **fields: Any) -> AccountTask:
    return AccountTask.objects.create(kind="reset_password", email=email, due_at=Now(), **fields)


@pytest.fixture
def given_up() -> AccountTask:
    return add("ann@example.com", attempts=30, failed_at=timezone.now(), last_error="SMTPDataError: (554, b'no')")


def repeat(office: Client, *tasks: AccountTask) -> Any:
    form = {"action": "try_again", "_selected_action": [str(task.pk) for task in tasks]}
    return office.post(LIST, form | {"confirmed": "yes"}, follow=True)


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN])
def test_staff_try_again_what_was_given_up(make_user: MakeUser, given_up: AccountTask, role: Role) -> None:
    sue, office = staff(make_user, role)
    done = add("ben@example.com", finished_at=timezone.now())

    page = repeat(office, given_up, done).content.decode()

    given_up.refresh_from_db()
    done.refresh_from_db()
    assert (given_up.failed_at, given_up.attempts, done.finished_at is None) == (None, 0, False)
    assert "1 will be tried again at once. 1 are done or in progress, and were left as they are." in page
    entries = LogEntry.objects.filter(object_pk=str(given_up.pk)).values_list("actor", "changes")
    assert list(entries) == [(sue.pk, {"action": ["", "Try again"]})]


def test_confirmation_is_asked_first(make_user: MakeUser, given_up: AccountTask) -> None:
    _, office = staff(make_user, Role.OPERATOR)

    page = office.post(LIST, {"action": "try_again", "_selected_action": [str(given_up.pk)]})

    given_up.refresh_from_db()
    assert (page.status_code, given_up.failed_at is None) == (200, False)
    assert all(text in page.content.decode() for text in (str(given_up), "Yes: try again"))


def test_support_sees_tasks_and_tries_none_again(make_user: MakeUser, given_up: AccountTask) -> None:
    _, office = staff(make_user, Role.SUPPORT)

    shown = [office.get(LIST).content.decode(), office.get(f"{LIST}{given_up.pk}/change/").content.decode()]
    repeat(office, given_up)

    assert ["ann@example.com" in page and "SMTPDataError" in page for page in shown] == [True, True]
    assert "Try again" not in shown[0]
    assert AccountTask.objects.get().failed_at is not None


@pytest.mark.parametrize(
    ("state", "emails"),
    [
        ("done", ["done@example.com"]),
        ("given up", ["ann@example.com"]),
        ("fails", ["fails@example.com"]),
        ("waiting", ["waits@example.com"]),
        ("unknown", ["ann@example.com", "done@example.com", "fails@example.com", "waits@example.com"]),
    ],
)
def test_list_is_filtered_by_state(make_user: MakeUser, given_up: AccountTask, state: str, emails: list[str]) -> None:
    _, office = staff(make_user, Role.ADMIN)
    add("done@example.com", finished_at=timezone.now())
    add("fails@example.com", last_error="TimeoutError", attempts=2)
    add("waits@example.com")

    page = office.get(LIST, {"state": state}).content.decode()

    found = [name for name in ("ann", "done", "fails", "waits") if f"{name}@example.com" in page]
    assert [f"{name}@example.com" for name in found] == emails


def test_tasks_are_found_by_address(make_user: MakeUser, given_up: AccountTask) -> None:
    _, office = staff(make_user, Role.ADMIN)
    add("ben@example.com")

    page = office.get(LIST, {"q": "Ann@"}).content.decode()

    assert ("ann@example.com" in page, "ben@example.com" in page) == (True, False)
