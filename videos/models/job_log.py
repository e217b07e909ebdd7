"""The timeline of a job."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from studio.models import Record


class JobLog(Record):
    """One line of a job's timeline, for its owner: no vendor's words, no internals."""

    class Level(models.TextChoices):
        """The severity, as the API spells it."""

        INFO = "info"
        WARNING = "warning"
        ERROR = "error"

    # db_index=False: the index below begins with it
    job = models.ForeignKey("VideoJob", on_delete=models.CASCADE, related_name="logs", db_index=False)
    timestamp = models.DateTimeField(default=timezone.now)
    level = models.CharField(max_length=10, choices=Level)
    message = models.CharField(max_length=500)

    class Meta:
        ordering = ("timestamp", "id")
        indexes = (
            # GET /video-jobs/{id}: a job's lines, oldest first
            models.Index(fields=("job", "timestamp", "id"), name="logs_of_job"),
        )
        constraints = (
            models.CheckConstraint(name="log_level_is_known", condition=Q(level__in=("info", "warning", "error"))),
        )

    def __str__(self) -> str:
        return self.message
