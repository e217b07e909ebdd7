"""Staff find API keys by their first characters, see them (support) and revoke them (operators)."""

from importlib import import_module

from django.db import migrations, models

SUPPORT = ["accounts.view_apikey"]
OPERATOR = [*SUPPORT, "accounts.revoke_apikey"]
roles = import_module("accounts.migrations.0003_roles")


def give(apps, schema_editor):
    for role, names in (("support", SUPPORT), ("operator", OPERATOR)):
        for group in apps.get_model("auth", "Group").objects.filter(name=role):
            group.permissions.add(*(roles.permission(apps, name) for name in names))


def take(apps, schema_editor):
    codenames = [name.partition(".")[2] for name in OPERATOR]
    apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="accounts", codename__in=codenames
    ).delete()


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
        migrations.RunPython(give, take),
    ]
