"""Support and operators see webhooks and their deliveries; operators disable the ones and send the others again."""

from importlib import import_module

from django.db import migrations

permission = import_module("accounts.migrations.0003_roles").permission
SEEN = ("videos.view_webhookendpoint", "videos.view_webhookdelivery")
GRANTED = {
    "support": SEEN,
    "operator": (*SEEN, "videos.change_webhookendpoint", "videos.change_webhookdelivery"),
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
        ("videos", "0026_webhooks"),
        ("accounts", "0009_sessions_keys_tasks"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(grant, withdraw)]
