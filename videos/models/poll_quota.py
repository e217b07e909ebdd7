"""The rate limit of polls, shared by all sweepers."""

from django.db import models

from studio.models import Record


class PollQuota(Record):
    """When a provider may be polled next (`videos.engine.quota`)."""

    provider = models.CharField(max_length=40, unique=True)
    next_poll_at = models.DateTimeField(db_column="next_look_at")  # releases before 1.1 know the column by this name

    class Meta:
        ordering = ("provider",)

    def __str__(self) -> str:
        return f"quota of {self.provider} ({self.pk})"
