"""Support and operators see sessions; operators end them."""

from importlib import import_module

from django.db import migrations

permission = import_module("accounts.migrations.0003_roles").permission
GRANTED = {
    "support": ("accounts.view_session",),
    "operator": ("accounts.view_session", "accounts.change_session"),
}


def grant(apps, schema_editor):
    for role, names in GRANTED.items():
        for group in apps.get_model("auth", "Group").objects.filter(name=role):
            group.permissions.add(*(permission(apps, name) for name in names))


def withdraw(apps, schema_editor):
    for role, names in GRANTED.items():
        for group in apps.get_model("auth", "Group").objects.filter(name=role):
            group.permissions.remove(*(permission(apps, name) for name in names))


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_staff_and_api_keys"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(grant, withdraw)]
