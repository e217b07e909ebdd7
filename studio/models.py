"""The base of our models, and the tables that belong to no app."""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

ID_PREFIX_MIN = 4  # hexadecimal digits of an id; fewer match one row in some hundred, and are a slip


class Record(models.Model):
    """A row with a UUID key and two dates for display; no code depends on the dates."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True

    def __repr__(self) -> str:
        """For logs and error reports: the id only, and no user's text."""
        return f"<{type(self).__name__} {self.pk}>"

    @property
    def short_id(self) -> str:
        """The first 8 digits of the id, enough to recognise a row."""
        return str(self.pk)[:8]


def ids_with_prefix(text: str) -> tuple[uuid.UUID, uuid.UUID] | None:
    """The lowest and the highest id that begin with the text, hyphens or not; None if no id can begin with it.

    Every database can search a range by index, whether it stores ids as text or not.
    """
    digits = text.replace("-", "").lower()
    if not ID_PREFIX_MIN <= len(digits) <= 32 or set(digits) - set("0123456789abcdef"):
        return None
    return uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))


def is_usable() -> Q:
    """Neither revoked nor expired; for models with `revoked_at` and `expires_at`."""
    return Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=Now()))


def ended_before(moment: datetime) -> Q:
    """Revoked or expired before the moment; for the same models."""
    return Q(revoked_at__lt=moment) | Q(expires_at__lt=moment)


class Disposal(Record):
    """A stored file to be removed; the row outlives the rows that referred to the file.

    Written by `studio.media.storage.disposal`.
    """

    name = models.CharField(max_length=300, unique=True)
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("due_at", "id")
        indexes = (
            # the sweeper: files that are due
            models.Index(fields=("due_at",), name="disposals_due"),
        )

    def __str__(self) -> str:
        return self.name


class Heartbeat(Record):
    """The last sign of life of a process, such as the sweeper, that takes no requests."""

    name = models.CharField(max_length=40, unique=True)
    beat_at = models.DateTimeField()

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class TaskState(Record):
    """When a task is due, and how far a long one has come, so that it continues from there if its process dies.

    The process that works on it holds its lease and has moved `due_at` ahead; if it is killed, the task is due again.
    """

    name = models.CharField(max_length=40, unique=True)
    due_at = models.DateTimeField(help_text="When the task is due.")
    lease = models.UUIDField(null=True, help_text="Which claim holds the task; every claim sets a new one.")
    state = models.JSONField(default=dict)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
