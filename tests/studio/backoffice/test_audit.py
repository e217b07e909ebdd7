"""The audit log: recorded changes, and the staff who may read it."""

import io
import uuid
from datetime import timedelta

import pytest
from auditlog.models import LogEntry
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import roles
from accounts.models import User
from studio.backoffice import audit
from tests.conftest import PASSWORD, MakeUser, SignIn

LIST = "/admin/auditlog/logentry/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(make_user: MakeUser) -> Client:
    client = Client()
    client.force_login(make_user("boss@example.com", staff=True))
    return client


def kept() -> list[tuple[str, str, object]]:
    entries = LogEntry.objects.order_by("timestamp", "id")
    return [(entry.actor_email, entry.content_type.model, entry.changes) for entry in entries]


def test_edit_of_a_user_is_kept_without_secrets(office: Client, make_user: MakeUser) -> None:
    ann, new = make_user(), "lorry-violet-42"

    office.post(f"/admin/accounts/user/{ann.pk}/change/", {"email": "anna@example.com", "role": ""})
    office.post(
        f"/admin/accounts/user/{ann.pk}/password/",
        {"password1": new, "password2": new, "usable_password": "true"},
        headers={"X-Request-ID": "abc"},
    )

    assert kept() == [
        ("boss@example.com", "user", {"email": ["ann@example.com", "anna@example.com"]}),
        ("boss@example.com", "user", {"password": ["(not kept)", "(not kept)"]}),
    ]
    assert LogEntry.objects.latest("timestamp").cid == "abc"
    assert not LogEntry.objects.exclude(remote_addr=None).exists()


def test_role_is_kept(office: Client, make_user: MakeUser) -> None:
    ann = make_user()

    office.post(f"/admin/accounts/user/{ann.pk}/change/", {"email": ann.email, "role": "support"})

    changes = [list(change) for _, _, change in kept()]  # type: ignore[call-overload]
    assert ["is_staff"] in changes
    assert kept()[-1] == ("boss@example.com", "user", {"role": ["No role", "Support"]})


def test_tokens_are_kept_with_the_reason(office: Client, make_user: MakeUser) -> None:
    ann = make_user(tokens=1)
    order = {"kind": "grant", "tokens": 5, "reason": "gift", "entry_id": str(uuid.uuid4()), "step": "sure"}

    office.post(f"/admin/accounts/user/{ann.pk}/tokens/", order)

    facts = {"action": ["", "Grant"], "tokens": ["", "+5"], "balance": ["", "6"], "reason": ["", "gift"]}
    assert kept() == [("boss@example.com", "tokenaccount", facts)]


def test_what_others_do_is_not_watched(sign_in: SignIn, make_user: MakeUser) -> None:
    ann = make_user()
    user = User.objects.get(pk=ann.pk)
    with CaptureQueriesContext(connection) as captured:
        user.save(update_fields=["is_active"])
        statements = len(captured)
    sign_in(ann).post("/api/v1/auth/token", {"email": ann.email, "password": PASSWORD})

    assert (statements, kept()) == (1, [])


def test_log_is_shown_to_admins_and_never_changed(office: Client, make_user: MakeUser) -> None:
    ann = make_user()
    office.post(f"/admin/accounts/user/{ann.pk}/change/", {"email": "anna@example.com", "role": ""})
    entry = LogEntry.objects.get()
    sue, clerk = make_user("sue@example.com"), Client()
    roles.assign(user=sue, role=roles.Role.OPERATOR)
    clerk.force_login(sue)

    for query in ({}, {"q": "boss@"}, {"q": str(ann.pk)}, {"table": str(entry.content_type_id)}, {"action": "1"}):
        assert "ann@example.com → anna@example.com" in office.get(LIST, query).content.decode()
    for query in ({"q": "sue@"}, {"q": str(sue.pk)}, {"timestamp_to": "2020-01-01"}):
        assert "ann@example.com →" not in office.get(LIST, query).content.decode()
    page = f"{LIST}{entry.pk}/"
    assert f"/admin/accounts/user/{ann.pk}/change/" in office.get(f"{page}change/").content.decode()
    assert [office.post(f"{page}{act}/", {"post": "yes"}).status_code for act in ("change", "delete")] == [403, 403]
    assert clerk.get(LIST).status_code == 403


def test_old_entries_are_selected_by_age(office: Client, make_user: MakeUser) -> None:
    audit.record(make_user(), email=("a", "b"))

    assert audit.older_than(timezone.now() - timedelta(days=365)).count() == 0
    assert audit.older_than(timezone.now() + timedelta(seconds=1)).count() == 1


def test_actions_at_the_console_and_in_the_api_are_kept_with_their_tokens(
    office: Client, sign_in: SignIn, make_user: MakeUser
) -> None:
    ann = make_user(tokens=100)

    call_command("grant_tokens", ann.email, "7", "--note", "gift", stdout=io.StringIO())

    assert kept() == [
        (
            None,
            "tokenaccount",
            {"action": ["", "Grant"], "tokens": ["", "+7"], "balance": ["", "107"], "reason": ["", "gift"]},
        )
    ]
    page = office.get(LIST).content.decode()
    shown = ("the server&#x27;s console", "action: Grant", "tokens: +7", "reason: gift", "tokens of ann@example.com")
    assert [text in page for text in shown] == [True] * len(shown)
