"""Lets a job that was made again say from which one. Nullable, so the column comes in an instant; its index is empty."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videos", "0016_broken_result")]

    operations = [
        migrations.AddField(
            "videojob",
            "retry_of_id",
            models.UUIDField(editable=False, help_text="The failed job that staff had made again.", null=True),
        ),
        migrations.AddIndex(
            "videojob",
            models.Index(
                condition=models.Q(("retry_of_id__isnull", False)), fields=["retry_of_id"], name="jobs_retry_of"
            ),
        ),
    ]
