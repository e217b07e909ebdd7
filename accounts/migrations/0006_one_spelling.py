"""Brings every address into its one spelling, with the domain in punycode; then forbids quoted local parts.

Where another account has that spelling already, both stay as they are and sign in as before: `accounts.W001` names them.
"""

from typing import Any

from django.db import migrations, models

from studio.emails import normal_email, require_plain


def normalise(apps: Any, schema_editor: Any) -> None:
    users = apps.get_model("accounts", "User").objects
    for pk, email in list(users.filter(email__regex=r"@.*[^\x01-\x7f]").order_by("created_at").values_list("pk", "email")):
        normal = normal_email(email)
        if not users.filter(email=normal).exists():
            users.filter(pk=pk).update(email=normal)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_count_of_jobs")]
    operations = [
        migrations.RunPython(normalise, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="user",
            name="email",
            field=models.EmailField(
                max_length=254, unique=True, validators=[require_plain]
            ),
        ),
    ]
