"""Gives long tasks a row in which they write how far they have come."""

import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("studio", "0002_heartbeat")]

    operations = [
        migrations.CreateModel(
            name="TaskState",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("name", models.CharField(max_length=40, unique=True)),
                ("due_at", models.DateTimeField(help_text="When the task is due.")),
                ("lease", models.UUIDField(help_text="Which claim holds the task; every claim sets a new one.", null=True)),
                ("state", models.JSONField(default=dict)),
            ],
            options={"ordering": ("name",)},
        ),
    ]
