"""What every table of ours has in common."""

import uuid

from django.db import models

BEGINNING_MIN = 4  # hexadecimal digits of an id; fewer match one row in some hundred, and are a slip


class Record(models.Model):
    """A row with a UUID key and two dates for people to read; no rule depends on the dates."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True

    def __repr__(self) -> str:
        """For logs and error reports: the id, and nothing of what people wrote. `__str__` is a person's name for it."""
        return f"<{type(self).__name__} {self.pk}>"

    @property
    def short_id(self) -> str:
        """The first 8 digits of the id, enough for people to recognise a row."""
        return str(self.pk)[:8]


def ids_beginning_with(text: str) -> tuple[uuid.UUID, uuid.UUID] | None:
    """The lowest and the highest id that begin with the text, hyphens or not; None for what is no beginning of an id.

    A range is what every database has an index for, whether it stores an id as text or not.
    """
    digits = text.replace("-", "").lower()
    if not BEGINNING_MIN <= len(digits) <= 32 or set(digits) - set("0123456789abcdef"):
        return None
    return uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))


class Disposal(Record):
    """A stored file that shall go; the row outlives whatever referred to the file.

    Written by `studio.media.storage.disposal`.
    """

    name = models.CharField(max_length=300, unique=True)
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("due_at", "id")
        indexes = (
            # the sweeper: files whose time has come
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
    due_at = models.DateTimeField(help_text="When it is to be taken up.")
    lease = models.UUIDField(null=True, help_text="Who works on it; changes with every claim.")
    state = models.JSONField(default=dict)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
