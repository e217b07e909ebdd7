"""Support and operators see the links of a look, without their addresses."""

from django.db import migrations

from accounts.migrations._granting import granted

GRANTED = {
    "support": ("looks.view_looklink",),
    "operator": ("looks.view_looklink",),
}


class Migration(migrations.Migration):
    dependencies = [
        ("looks", "0004_links"),
        ("accounts", "0009_sessions_keys_tasks"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [granted(GRANTED)]
