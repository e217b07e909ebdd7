"""Support and operators see webhooks and their deliveries; operators disable the ones and send the others again."""

from django.db import migrations

from accounts.migrations._granting import granted

SEEN = ("videos.view_webhookendpoint", "videos.view_webhookdelivery")
GRANTED = {
    "support": SEEN,
    "operator": (*SEEN, "videos.change_webhookendpoint", "videos.change_webhookdelivery"),
}


class Migration(migrations.Migration):
    dependencies = [
        ("videos", "0026_webhooks"),
        ("accounts", "0009_sessions_keys_tasks"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [granted(GRANTED)]
