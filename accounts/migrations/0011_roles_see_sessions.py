"""Support and operators see sessions; operators end them."""

from django.db import migrations

from accounts.migrations._granting import granted

GRANTED = {
    "support": ("accounts.view_session",),
    "operator": ("accounts.view_session", "accounts.change_session"),
}


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_staff_and_api_keys"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [granted(GRANTED)]
