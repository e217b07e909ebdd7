"""Columns for a catalogue that survives its upstreams.

Every new column has a default in the database, so that processes of the version before go on during a deploy. They
also read `price_per_second`: it leaves the models here, and the table in a later version.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videos", "0010_count_jobs")]

    operations = [
        migrations.AddField("upstream", "last_frame_durations", models.JSONField(
            blank=True, db_default=models.Value([], models.JSONField()), default=list,
            help_text="The same with a last frame.",
        )),
        migrations.AddField("upstream", "prices", models.JSONField(
            blank=True, db_default=models.Value({}, models.JSONField()), default=dict,
            help_text='US dollars a second by resolution: {"720p": "0.07"}; for the operator\'s figures only.',
        )),
        migrations.AddField("upstream", "note", models.TextField(
            blank=True, default="", db_default="", help_text="For staff: what is known of its future, and whence.",
        )),
        migrations.AddField("upstream", "successor", models.CharField(
            blank=True, default="", db_default="", max_length=100, help_text="The provider's model that takes its place.",
        )),
        migrations.AddField("upstream", "refusals", models.PositiveSmallIntegerField(
            db_default=0, default=0, editable=False,
            help_text="Submits in a row that the provider refused to this model.",
        )),
        migrations.AddField("upstream", "suspended_at", models.DateTimeField(editable=False, null=True)),
        migrations.AddField("upstream", "suspended_because", models.CharField(
            blank=True, default="", db_default="", editable=False, max_length=500,
        )),
        migrations.AlterField("upstream", "mixes_references_and_frames", models.BooleanField(
            default=False, help_text="References beside a first frame.",
        )),
        migrations.AlterField("upstream", "price_per_second", models.DecimalField(
            db_default=0, decimal_places=4, default=0, max_digits=8,
            help_text="US dollars; for the operator's figures only.",
        )),
    ]
