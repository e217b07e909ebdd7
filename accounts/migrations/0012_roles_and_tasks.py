"""Support and operators see account tasks; operators may try them again."""

from importlib import import_module

from django.db import migrations

roles = import_module("accounts.migrations.0003_roles")

ADDED = {
    "support": ("accounts.view_accounttask",),
    "operator": ("accounts.view_accounttask", "accounts.change_accounttask"),
}


def add(apps, schema_editor):
    for role, permissions in ADDED.items():
        group = apps.get_model("auth", "Group").objects.get(name=role)
        group.permissions.add(*(roles.permission(apps, name) for name in permissions))


def remove(apps, schema_editor):
    for role, permissions in ADDED.items():
        group = apps.get_model("auth", "Group").objects.get(name=role)
        group.permissions.remove(*(roles.permission(apps, name) for name in permissions))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_roles_see_sessions")]

    operations = [migrations.RunPython(add, remove)]
