"""Actions of staff on users in the back office, by role."""

import uuid
from typing import Any

import pytest
from auditlog.models import LogEntry as AuditEntry
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from rest_framework.test import APIClient

from accounts import roles, verification
from accounts.models import LedgerEntry, SignIn, User
from accounts.roles import Role
from tests.conftest import PASSWORD, MakeUser
from tests.conftest import SignIn as SignInAs

pytestmark = pytest.mark.django_db


def page_of(user: User, name: str = "change") -> str:
    return f"/admin/accounts/user/{user.pk}/{name}/"


@pytest.fixture
def clerk(make_user: MakeUser) -> Any:
    """A member of staff, signed in to the back office."""

    def enter(role: Role, email: str = "sue@example.com") -> Client:
        user, client = make_user(email, staff=role == Role.ADMIN), Client()
        if role != Role.ADMIN:
            roles.assign(user=user, role=role)
        client.force_login(user)
        return client

    return enter


def order(**change: Any) -> dict[str, Any]:
    return {"kind": "grant", "tokens": "500", "reason": "invoice 7", "entry_id": str(uuid.UUID(int=7)), **change}


def entries(user: User) -> list[tuple[Any, ...]]:
    rows = LedgerEntry.objects.filter(account__user=user).exclude(kind="signup").order_by("created_at")
    return list(rows.values_list("kind", "amount", "balance_after", "note", "actor__email"))


# -- Tokens


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN])
def test_tokens_are_granted_after_a_second_look(clerk: Any, make_user: MakeUser, role: Role) -> None:
    ann, office = make_user(tokens=10), clerk(role)

    form = office.get(page_of(ann, "tokens")).content.decode()
    look = office.post(page_of(ann, "tokens"), order()).content.decode()
    before = entries(ann)
    done = office.post(page_of(ann, "tokens"), order(step="sure"), follow=True).content.decode()
    office.post(page_of(ann, "tokens"), order(step="sure"))  # pressed twice

    assert "ann@example.com has 10 tokens" in form
    assert "the balance goes from 10 to 510. The reason: invoice 7" in look
    assert 'name="step" value="sure"' in look
    assert (before, entries(ann)) == ([], [("grant", 500, 510, "invoice 7", "sue@example.com")])
    assert "has 510 tokens now" in done
    assert LogEntry.objects.filter(object_id=str(ann.pk)).first().change_message == "grant of 500 tokens: invoice 7"  # type: ignore[union-attr]


def test_balance_is_corrected_downwards(clerk: Any, make_user: MakeUser) -> None:
    ann = make_user(tokens=60)

    clerk(Role.OPERATOR).post(page_of(ann, "tokens"), order(kind="adjustment", tokens="-60", step="sure"))

    assert entries(ann) == [("adjustment", -60, 0, "invoice 7", "sue@example.com")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reason": " "}, "This field is required."),
        ({"reason": "y" * 501}, "at most 500"),
        ({"tokens": "0"}, "Zero changes nothing."),
        ({"tokens": "1.5"}, "Enter a whole number."),
        ({"tokens": "1000000001"}, "less than or equal to 1000000000"),
        ({"tokens": "-5"}, "choose a correction"),
        ({"kind": "adjustment", "tokens": "-11"}, "The balance is 10; it cannot go below zero."),
        ({"kind": "charge"}, "Select a valid choice."),
        ({"entry_id": "x"}, "Enter a valid UUID."),
    ],
)
def test_slip_is_refused_with_a_reason(clerk: Any, make_user: MakeUser, change: dict[str, str], message: str) -> None:
    ann = make_user(tokens=10)

    answer = clerk(Role.OPERATOR).post(page_of(ann, "tokens"), order(step="sure", **change))

    assert (answer.status_code, message in answer.content.decode()) == (200, True)
    assert entries(ann) == []


def test_support_gives_no_tokens(clerk: Any, make_user: MakeUser) -> None:
    ann, office = make_user(), clerk(Role.SUPPORT)

    assert page_of(ann, "tokens") not in office.get(page_of(ann)).content.decode()
    assert office.post(page_of(ann, "tokens"), order(step="sure")).status_code == 403
    assert entries(ann) == []


# -- Deactivating


def test_user_is_deactivated_and_reactivated(
    clerk: Any, make_user: MakeUser, sign_in: SignInAs, anonymous: APIClient
) -> None:
    ann, office = make_user(), clerk(Role.ADMIN)
    api = sign_in(ann)
    first = api.get("/api/v1/auth/me").status_code

    asked = office.post(page_of(ann, "deactivate")).content.decode()
    still = api.get("/api/v1/auth/me").status_code
    office.post(page_of(ann, "deactivate"), {"confirmed": "yes"})

    assert ("can no longer sign in" in asked, first, still) == (True, 200, 200)
    assert api.get("/api/v1/auth/me").status_code == 401
    form = {"email": ann.email, "password": PASSWORD}
    assert anonymous.post("/api/v1/auth/token", form).status_code == 401
    assert page_of(ann, "reactivate") in office.get(page_of(ann)).content.decode()

    office.post(page_of(ann, "reactivate"), {"confirmed": "yes"})

    assert anonymous.post("/api/v1/auth/token", form).status_code == 200
    assert page_of(ann, "deactivate") in office.get(page_of(ann)).content.decode()


def test_user_is_signed_out_everywhere(clerk: Any, make_user: MakeUser, sign_in: SignInAs) -> None:
    ann = make_user()
    api = sign_in(ann)

    clerk(Role.ADMIN).post(page_of(ann, "sign-out"), {"confirmed": "yes"})

    ann.refresh_from_db()
    assert (api.get("/api/v1/auth/me").status_code, ann.is_active) == (401, True)


def test_google_account_is_unlinked(clerk: Any, make_user: MakeUser) -> None:
    ann, office = make_user(), clerk(Role.ADMIN)
    without = office.get(page_of(ann)).content.decode()
    User.objects.filter(pk=ann.pk).update(google_id="1101694")
    linked = office.get(page_of(ann)).content.decode()
    asked = office.get(page_of(ann, "unlink-google")).content.decode()

    done = office.post(page_of(ann, "unlink-google"), {"confirmed": "yes"}, follow=True).content.decode()

    ann.refresh_from_db()
    assert (ann.google_id, "1101694" in linked) == (None, False)
    assert ("unlink-google" in without, "unlink-google" in linked) == (False, True)
    assert ("Linked: the user can sign in with Google." in linked, "Not linked." in done) == (True, True)
    assert "The Google account of ann@example.com no longer signs in to this account." in asked
    assert LogEntry.objects.get().change_message == "Unlink Google."


def test_password_set_by_an_admin_ends_what_was_open(clerk: Any, make_user: MakeUser, sign_in: SignInAs) -> None:
    ann = make_user()
    api = sign_in(ann)
    new = "lorry-violet-42"

    answer = clerk(Role.ADMIN).post(
        page_of(ann, "password"), {"password1": new, "password2": new, "usable_password": "true"}
    )

    ann.refresh_from_db()
    assert (answer.status_code, ann.check_password(new)) == (302, True)
    assert api.get("/api/v1/auth/me").status_code == 401


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.OPERATOR])
@pytest.mark.parametrize("act", ["deactivate", "reactivate", "sign-out", "unlink-google", "password"])
def test_only_admins_act_on_users(clerk: Any, make_user: MakeUser, role: Role, act: str) -> None:
    ann = make_user()

    answer = clerk(role).post(page_of(ann, act), {"confirmed": "yes"})

    ann.refresh_from_db()
    assert (answer.status_code, ann.is_active, ann.signed_out_at) == (403, True, None)


def test_staff_cannot_deactivate_themselves(clerk: Any, make_user: MakeUser) -> None:
    make_user("boss@example.com", staff=True)
    office, sue = clerk(Role.ADMIN), User.objects.get(email="sue@example.com")

    said = office.post(page_of(sue, "deactivate"), {"confirmed": "yes"}, follow=True).content.decode()

    sue.refresh_from_db()
    assert ("You cannot deactivate yourself" in said, sue.is_active) == (True, True)


@pytest.mark.parametrize("name", ["tokens", "deactivate"])
def test_unknown_user_is_not_found(clerk: Any, name: str) -> None:
    assert clerk(Role.ADMIN).get(f"/admin/accounts/user/{uuid.uuid4()}/{name}/").status_code == 404


# -- Roles


def test_role_is_given_on_the_page(clerk: Any, make_user: MakeUser) -> None:
    ann, office = make_user(), clerk(Role.ADMIN)

    page = office.get(page_of(ann)).content.decode()
    office.post(page_of(ann), {"email": ann.email, "role": "operator"})

    ann.refresh_from_db()
    assert roles.MEANINGS[Role.SUPPORT] in page
    assert (roles.role_of(ann), ann.is_staff, ann.is_superuser) == (Role.OPERATOR, True, False)


def test_last_admin_keeps_the_role(clerk: Any) -> None:
    office, sue = clerk(Role.ADMIN), User.objects.get(email="sue@example.com")

    answer = office.post(page_of(sue), {"email": sue.email, "role": "support"})

    sue.refresh_from_db()
    assert ("This is the last admin" in answer.content.decode(), sue.is_superuser) == (True, True)


def test_colleague_is_added_with_a_role(clerk: Any) -> None:
    form = {"email": "bob@example.com", "password1": PASSWORD, "password2": PASSWORD, "role": "support"}

    clerk(Role.ADMIN).post("/admin/accounts/user/add/", form)

    bob = User.objects.get(email="bob@example.com")
    assert (roles.role_of(bob), bob.is_staff, bob.token_account.balance) == (Role.SUPPORT, True, 100)


def test_staff_who_may_change_users_cannot_become_admins(clerk: Any, make_user: MakeUser) -> None:
    boss, office = make_user("boss@example.com", staff=True), clerk(Role.SUPPORT)
    sue = User.objects.get(email="sue@example.com")
    sue.user_permissions.add(Permission.objects.get(codename="change_user"))

    office.post(page_of(sue), {"email": sue.email, "role": "admin"})
    taken = office.post(page_of(boss), {"email": "mine@example.com", "role": "admin"}).status_code
    password = office.post(page_of(boss, "password"), {"password1": PASSWORD, "password2": PASSWORD}).status_code

    sue.refresh_from_db()
    boss.refresh_from_db()
    assert (roles.role_of(sue), boss.email, taken, password) == (Role.SUPPORT, "boss@example.com", 403, 403)


# -- Lists and pages


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


# -- Verified addresses


def test_admin_marks_an_address_as_verified(clerk: Any, make_user: MakeUser) -> None:
    ann, office = make_user(), clerk(Role.ADMIN)
    url = page_of(ann, "mark-verified")

    offered = url in office.get(page_of(ann)).content.decode()
    office.post(url)
    before = User.objects.get(pk=ann.pk).email_verified_at
    office.post(url, {"confirmed": "yes"})

    assert (offered, before) == (True, None)
    assert User.objects.get(pk=ann.pk).email_verified_at is not None
    assert url not in office.get(page_of(ann)).content.decode()
    entries = AuditEntry.objects.filter(object_pk=str(ann.pk))
    assert {entry.actor_email for entry in entries} == {"sue@example.com"}
    assert sorted(name for entry in entries for name in entry.changes or {}) == ["email_verified_at", "signed_out_at"]


def test_support_marks_no_address_as_verified(clerk: Any, make_user: MakeUser) -> None:
    ann = make_user()

    assert clerk(Role.SUPPORT).post(page_of(ann, "mark-verified"), {"confirmed": "yes"}).status_code == 403
    assert User.objects.get(pk=ann.pk).email_verified_at is None


@pytest.mark.parametrize(("email", "stays"), [("ann@example.com", True), ("new@example.com", False)])
def test_new_address_is_not_verified(clerk: Any, make_user: MakeUser, email: str, stays: bool) -> None:
    ann = make_user()
    verification.mark_verified(user=ann)

    clerk(Role.ADMIN).post(page_of(ann), {"email": email, "role": ""})

    ann = User.objects.get(pk=ann.pk)
    assert (ann.email, ann.email_verified_at is not None) == (email, stays)
