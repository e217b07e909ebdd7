"""What remains of a deleted job: what the provider was paid for it."""

from django.conf import settings
from django.db import models

from studio.models import Record


class DeletedJob(Record):
    """A deleted job that its provider had accepted, or may have; its key is the job's.

    `videos.deletion` writes it, for the sums in dollars. It has nothing of what the owner wrote or uploaded.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    model = models.CharField(max_length=100)
    provider = models.CharField(max_length=40)
    upstream_model = models.CharField(max_length=100, blank=True)
    resolution = models.CharField(max_length=20)
    duration_seconds = models.PositiveSmallIntegerField()
    generated_at = models.DateTimeField(
        null=True, help_text="When its cost was counted; empty while its submit has no response."
    )
    completed_at = models.DateTimeField(help_text="When the job ended, or was deleted unfinished.")

    class Meta:
        ordering = ("-completed_at", "-id")
        indexes = (
            # the dashboard: the dollars of the last days
            models.Index(fields=("completed_at",), name="deleted_jobs_by_end"),
        )

    def __str__(self) -> str:
        return f"deleted video job {self.short_id}"
