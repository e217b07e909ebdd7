"""Support and operators see account tasks; operators try them again."""

from django.db import migrations

from accounts.migrations._granting import granted

GRANTED = {
    "support": ("accounts.view_accounttask",),
    "operator": ("accounts.view_accounttask", "accounts.change_accounttask"),
}


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0011_roles_see_sessions"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [granted(GRANTED)]
