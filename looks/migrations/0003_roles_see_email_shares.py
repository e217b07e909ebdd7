"""Support and operators see the e-mail addresses that a look is shared with, as they see its other readers."""

from django.db import migrations

from accounts.migrations._granting import granted

GRANTED = {
    "support": ("looks.view_lookemailshare",),
    "operator": ("looks.view_lookemailshare",),
}


class Migration(migrations.Migration):
    dependencies = [
        ("looks", "0002_shares_by_email"),
        ("accounts", "0009_sessions_keys_tasks"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [granted(GRANTED)]
