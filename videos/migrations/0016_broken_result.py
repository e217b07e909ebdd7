"""Remembers a delivered file that could not be played, so that the same bytes are recognised."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videos", "0015_copy_refunds")]

    operations = [
        migrations.AddField("videojob", "broken_result", models.JSONField(
            editable=False,
            null=True,
            help_text='The delivered file that could not be played: {"sha256": …, "times": 2, "since": …}.',
        )),
    ]
