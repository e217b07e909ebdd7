"""Idempotency keys that outlive their job."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from studio.models import Record


class SpentKey(Record):
    """An idempotency key whose job was deleted within its day; written by `videos.idempotency`."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(help_text="When it created the job.")

    class Meta:
        ordering = ("used_at", "id")
        indexes = (
            # the sweeper: keys whose day is over
            models.Index(fields=("used_at",), name="spent_keys_by_age"),
        )
        constraints = (
            models.UniqueConstraint(name="one_spent_key_an_owner", fields=("owner", "key")),
            models.CheckConstraint(name="spent_key_is_not_blank", condition=~Q(key="")),
        )

    def __str__(self) -> str:
        return f"spent key {self.pk}"
