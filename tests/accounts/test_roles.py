"""The roles of the back office: their permissions, and how users get and lose them."""

from importlib import import_module
from types import ModuleType

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db.migrations import RunPython
from rest_framework.test import APIClient

from accounts import access, roles
from accounts.models import User
from accounts.roles import Role
from tests.conftest import MakeUser, SignIn

pytestmark = pytest.mark.django_db
migration = import_module("accounts.migrations.0003_roles")
LATER = [
    import_module(name)
    for name in (
        "accounts.migrations.0010_staff_and_api_keys",
        "accounts.migrations.0011_roles_see_sessions",
        "accounts.migrations.0012_roles_see_account_tasks",
        "looks.migrations.0003_roles_see_email_shares",
        "videos.migrations.0027_roles_see_webhooks",
        "looks.migrations.0005_roles_see_links",
    )
]


def with_later(role: str) -> set[str]:
    """The permissions of a role by all migrations."""
    return {*getattr(migration, role.upper()), *(name for module in LATER for name in module.GRANTED[role])}


def names_of(role: str) -> set[str]:
    rows = Group.objects.get(name=role).permissions.values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in rows}


def test_groups_are_there_with_their_permissions() -> None:
    assert names_of("support") == with_later("support")
    assert names_of("operator") == with_later("operator")
    assert names_of("support") < names_of("operator")
    assert Group.objects.count() == 3


def test_each_permission_is_one_that_the_code_declares() -> None:
    declared = {
        f"{model._meta.app_label}.{codename}"
        for model in apps.get_models()
        for codename in (
            *(f"{action}_{model._meta.model_name}" for action in model._meta.default_permissions),
            *dict(model._meta.permissions),
        )
    }

    # permissions of later migrations of videos may follow
    assert {name for later in LATER for name in later.GRANTED["operator"]} <= declared
    assert set(migration.OPERATOR) - declared <= {"videos.refund_videojob", "videos.operate_videojob"}
    doubled = Permission.objects.values_list("content_type", "codename")
    assert len(doubled) == len(set(doubled))


@pytest.mark.parametrize("later", LATER)
def test_later_permissions_can_be_withdrawn_and_granted_again(later: ModuleType) -> None:
    before = {role: names_of(role) for role in later.GRANTED}
    [granting] = [operation for operation in later.Migration.operations if isinstance(operation, RunPython)]

    granting.reverse_code(apps, None)
    without = {role: names_of(role) for role in later.GRANTED}
    granting.code(apps, None)

    assert without == {role: before[role] - set(names) for role, names in later.GRANTED.items()}
    assert {role: names_of(role) for role in later.GRANTED} == before


def test_migration_runs_on_a_database_with_and_without_permissions(make_user: MakeUser) -> None:
    sue = make_user("sue@example.com", staff=True)
    Group.objects.all().delete()
    Permission.objects.filter(codename__in=("adjust_tokens", "view_user")).delete()

    for _ in range(2):
        migration.make(apps, None)

    assert names_of("operator") == set(migration.OPERATOR)
    assert list(sue.groups.values_list("name", flat=True)) == ["admin"]
    migration.remove(apps, None)
    assert not Group.objects.exists()


@pytest.mark.parametrize(
    ("role", "flags", "may"),
    [
        (Role.NONE, (False, False), [False, False, False]),
        (Role.SUPPORT, (True, False), [True, False, False]),
        (Role.OPERATOR, (True, False), [True, True, False]),
        (Role.ADMIN, (True, True), [True, True, True]),
    ],
)
def test_role_decides_the_rights_of_a_user(
    make_user: MakeUser, role: Role, flags: tuple[bool, bool], may: list[bool]
) -> None:
    make_user("boss@example.com", staff=True)
    user = make_user()
    user.user_permissions.add(Permission.objects.get(codename="change_user"))

    roles.assign(user=user, role=role)

    user = User.objects.get(pk=user.pk)
    asked = ("accounts.view_user", "accounts.adjust_tokens", "accounts.change_user")
    assert ((user.is_staff, user.is_superuser), [user.has_perm(name) for name in asked]) == (flags, may)
    assert roles.role_of(user) == role


def test_new_role_ends_what_was_open(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    client: APIClient = sign_in(ann)

    roles.assign(user=ann, role=Role.SUPPORT)

    assert client.get("/api/v1/auth/me").status_code == 401


def test_last_admin_stays(make_user: MakeUser) -> None:
    sue, bob = make_user("sue@example.com", staff=True), make_user("bob@example.com", staff=True)
    roles.assign(user=bob, role=Role.SUPPORT)

    with pytest.raises(roles.LastAdmin):
        roles.assign(user=sue, role=Role.NONE)
    with pytest.raises(roles.LastAdmin):
        roles.deactivate(user=sue)

    sue.refresh_from_db()
    assert (sue.is_superuser, sue.is_active) == (True, True)
    access.deactivate(user=bob)
