"""What is remembered of a job's submits, and of a video that is not as it was requested.

Apart from 0011: whoever holds a job's row may wait for a row of the catalogue, and never the other way round. Columns
with a default in the database and no constraint, so that a large table is changed in an instant.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videos", "0011_resilient_catalogue")]

    operations = [
        migrations.AddField("videojob", "submit_attempts", models.SmallIntegerField(
            db_default=0, default=0, help_text="Tries of the submit step before the one that was accepted.",
        )),
        migrations.AddField("videojob", "refused_by", models.JSONField(
            editable=False, null=True, help_text="Upstreams that refused it: [[provider, model, code], …].",
        )),
        migrations.AddField("videojob", "delivered_seconds", models.FloatField(
            null=True, help_text="The video's length, where it is not what was asked for.",
        )),
        migrations.AddField("videojob", "delivered_aspect_ratio", models.CharField(
            blank=True, default="", db_default="", max_length=20, help_text="The same for its shape.",
        )),
    ]
