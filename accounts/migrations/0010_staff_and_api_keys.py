"""Staff find API keys by their first characters, see them (support) and revoke them (operators)."""

from importlib import import_module

from django.db import migrations, models

permission = import_module("accounts.migrations.0003_roles").permission
GRANTED = {
    "support": ("accounts.view_apikey",),
    "operator": ("accounts.view_apikey", "accounts.revoke_apikey"),
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
    dependencies = [("accounts", "0009_sessions_keys_tasks")]

    operations = [
        migrations.AlterModelOptions(
            "apikey",
            {
                "ordering": ("-created_at", "-id"),
                "permissions": (("revoke_apikey", "Can revoke API keys"),),
                "verbose_name": "API key",
            },
        ),
        migrations.AddIndex("apikey", models.Index(fields=["prefix"], name="api_keys_by_prefix")),
        migrations.RunPython(grant, withdraw),
    ]
