"""The catalogue: the models that clients choose, and the upstreams that generate their videos."""

from decimal import Decimal

from django.db import models
from django.db.models import Value

from studio.models import Record


class VideoModel(Record):
    """A model under its public name, which stays the same when its upstreams change."""

    name = models.CharField(max_length=100, unique=True)
    title = models.CharField(max_length=100)
    position = models.PositiveSmallIntegerField(default=0, help_text="Order in lists.")
    is_offered = models.BooleanField(default=True)

    class Meta:
        ordering = ("position", "name")

    def __str__(self) -> str:
        return self.title


class Upstream(Record):
    """A provider's model that generates the videos of a VideoModel, and what it supports."""

    model = models.ForeignKey(VideoModel, on_delete=models.CASCADE, related_name="upstreams")
    position = models.PositiveSmallIntegerField(default=0, help_text="The first one that supports a request serves it.")
    provider = models.CharField(max_length=40)
    upstream_model = models.CharField(max_length=100, help_text="The provider's name of the model.")
    is_enabled = models.BooleanField(default=True)
    retires_on = models.DateField(null=True, blank=True, help_text="Not used from this day on.")
    durations = models.JSONField(default=dict, help_text='Seconds by resolution: {"720p": [4, 8], "1080p": [8]}.')
    aspect_ratios = models.JSONField(default=list, help_text='["16:9", "9:16"]')
    makes_audio = models.BooleanField(default=True)
    takes_last_frame = models.BooleanField(default=False)
    max_references = models.PositiveSmallIntegerField(default=0)
    reference_durations = models.JSONField(default=list, blank=True, help_text="Seconds; empty for no restriction.")
    last_frame_durations = models.JSONField(
        default=list, db_default=Value([], models.JSONField()), blank=True, help_text="The same with a last frame."
    )
    mixes_references_and_frames = models.BooleanField(default=False, help_text="References beside a first frame.")
    prices = models.JSONField(
        default=dict,
        db_default=Value({}, models.JSONField()),
        blank=True,
        help_text='US dollars a second by resolution: {"720p": "0.07"}; for the operator\'s figures only.',
    )
    note = models.TextField(
        blank=True, default="", db_default="", help_text="For staff: what is known of its future, with the source."
    )
    successor = models.CharField(
        max_length=100, blank=True, default="", db_default="", help_text="The provider's model that replaces it."
    )
    # Written by the system, alike for all rows of one provider and upstream model.
    refusals = models.PositiveSmallIntegerField(
        default=0, db_default=0, editable=False, help_text="Submits in a row that the provider refused for this model."
    )
    suspended_at = models.DateTimeField(null=True, editable=False)
    suspended_because = models.CharField(max_length=500, blank=True, default="", db_default="", editable=False)

    class Meta:
        ordering = ("position", "id")
        constraints = (
            models.UniqueConstraint(
                name="one_upstream_a_provider_and_model", fields=("model", "provider", "upstream_model")
            ),
        )

    def __str__(self) -> str:
        return f"{self.provider}: {self.upstream_model}"


def price_in(prices: dict[str, str], resolution: str) -> Decimal:
    """US dollars a second in this resolution, by an upstream's prices; 0 where unknown."""
    return Decimal(prices.get(resolution) or 0)
