"""Gives jobs what the storage has refused them for, and a count for each kind of failure that has a limit of its own.

All have a default in the database, so it takes an instant, and the release before can still write.
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
                    "Why the storage does not take the video, where it will say so again until that is mended."
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
        migrations.AddField(
            "videojob",
            "lasting_refusals",
            models.SmallIntegerField(
                db_default=0,
                default=0,
                editable=False,
                help_text="Submits that a quota has refused since the last one that was accepted.",
            ),
        ),
        migrations.AddField(
            "videojob",
            "store_tries",
            models.SmallIntegerField(
                db_default=0,
                default=0,
                editable=False,
                help_text="Looks whose outcome could not be stored since the last one that could.",
            ),
        ),
        migrations.AddField(
            "videojob",
            "missing_tries",
            models.SmallIntegerField(
                db_default=0,
                default=0,
                editable=False,
                help_text="Looks and transfers of this step for which the provider had nothing.",
            ),
        ),
    ]
