"""Lets a job that was made again say from which one, and the dashboard tell mock videos from real ones by an index."""

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
        # With the mock mode, which the dashboard asks for now; the old one goes when the new one is there.
        migrations.AddIndex(
            "videojob",
            models.Index(
                condition=models.Q(("completed_at__isnull", False)),
                fields=["completed_at", "phase", "mock_mode"],
                name="jobs_finished_by_kind",
            ),
        ),
        migrations.RemoveIndex("videojob", "jobs_finished"),
    ]
