"""The pictures that a job starts from."""

from django.db import models
from django.db.models import Q

from studio.models import Record


class JobInput(Record):
    """A picture that a job starts from; kept until the video is stored, or for a while after the job has failed."""

    class Role(models.TextChoices):
        """How the provider uses it."""

        FIRST_FRAME = "first_frame"
        LAST_FRAME = "last_frame"
        REFERENCE = "reference"

    job = models.ForeignKey("VideoJob", on_delete=models.CASCADE, related_name="inputs")
    role = models.CharField(max_length=20, choices=Role)
    position = models.PositiveSmallIntegerField(default=0)
    file_name = models.CharField(max_length=300, help_text="In the media storage.")
    content_type = models.CharField(max_length=40)

    class Meta:
        ordering = ("role", "position")
        constraints = (
            models.UniqueConstraint(name="one_input_a_place", fields=("job", "role", "position")),
            models.CheckConstraint(
                name="input_role_is_known", condition=Q(role__in=("first_frame", "last_frame", "reference"))
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_role_display()} {self.position}"
