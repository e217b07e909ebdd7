"""Permissions that a migration gives to roles. The name begins with `_`, so that Django takes it for no migration."""

from importlib import import_module

from django.db import migrations

permission = import_module("accounts.migrations.0003_roles").permission


def granted(by_role):
    """An operation that gives each role these permissions, such as "looks.view_looklink", and takes them back."""

    def groups(apps):
        for role, names in by_role.items():
            for group in apps.get_model("auth", "Group").objects.filter(name=role):
                yield group.permissions, [permission(apps, name) for name in names]

    def grant(apps, schema_editor):
        for permissions, rows in groups(apps):
            permissions.add(*rows)

    def withdraw(apps, schema_editor):
        for permissions, rows in groups(apps):
            permissions.remove(*rows)

    return migrations.RunPython(grant, withdraw)
