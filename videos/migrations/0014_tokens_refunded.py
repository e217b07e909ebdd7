"""Gives jobs a column for the tokens that were returned; with a default in the database, so it takes an instant."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videos", "0013_omni_1_2")]

    operations = [
        migrations.AddField("videojob", "tokens_refunded", models.IntegerField(db_default=0, default=0)),
    ]
