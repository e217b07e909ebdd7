"""Gives jobs what the storage has refused them for, and a count of submits whose refusal is in doubt.

Both have a default in the database, so it takes an instant, and the release before can go on writing.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videos", "0018_keys_of_staff")]

    operations = [
        migrations.AddField(
            "videojob",
            "storage_refusal",
            models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                help_text=(
                    "Why the storage does not take the video, where it will say so again until somebody mends that."
                ),
                max_length=500,
            ),
        ),
        migrations.AddField(
            "videojob",
            "doubtful_submits",
            models.SmallIntegerField(
                db_default=0,
                default=0,
                editable=False,
                help_text="Submits that were refused, and may have been accepted.",
            ),
        ),
    ]
