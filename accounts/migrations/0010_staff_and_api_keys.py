"""Staff find API keys by their first characters, see them (support) and revoke them (operators)."""

from django.db import migrations, models

from accounts.migrations._granting import granted

GRANTED = {
    "support": ("accounts.view_apikey",),
    "operator": ("accounts.view_apikey", "accounts.revoke_apikey"),
}


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
        granted(GRANTED),
    ]
