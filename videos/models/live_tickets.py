"""Tickets for the stream of events, for clients that cannot send a header."""

from django.conf import settings
from django.db import models

from studio.models import Record


class LiveTicket(Record):
    """Opens one stream within a minute, in place of a header. `videos.live_tickets` writes it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True)  # SHA-256, hexadecimal
    # What it was issued for, not foreign keys: the end of a session or a key does not delete its row.
    session_id = models.UUIDField(null=True)
    api_key_id = models.UUIDField(null=True)
    ends_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            # the daily purge
            models.Index(fields=("expires_at",), name="live_tickets_by_expiry"),
        )

    def __str__(self) -> str:
        return f"ticket until {self.expires_at:%Y-%m-%d %H:%M:%S}"
