"""Renames the count of jobs in the model. The column keeps its name, so no SQL runs and releases can overlap."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_one_spelling")]

    operations = [
        migrations.AlterField(
            model_name="tokenaccount",
            name="video_jobs",
            field=models.PositiveIntegerField(
                db_column="video_jobs",
                db_default=0,
                default=0,
                help_text="How many the user has; counting a million takes longer than showing a page.",
            ),
        ),
        migrations.RenameField("tokenaccount", "video_jobs", "video_job_count"),
    ]
