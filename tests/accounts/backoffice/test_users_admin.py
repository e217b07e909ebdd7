"""Actions of staff on users in the back office, by role: deactivating, roles, verified addresses."""

import uuid
from typing import Any

import pytest
from auditlog.models import LogEntry as AuditEntry
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from rest_framework.test import APIClient

from accounts import roles, verification
from accounts.models import User
from accounts.roles import Role
from tests.accounts.backoffice.conftest import page_of
from tests.conftest import PASSWORD, MakeUser
from tests.conftest import SignIn as SignInAs

pytestmark = pytest.mark.django_db


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
