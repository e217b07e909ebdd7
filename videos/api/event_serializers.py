"""Serializers of the stream of events."""

from rest_framework import serializers

from studio.api.fields import Text, Timestamp, WholeNumber
from studio.api.input_serializers import QueryInput

NUMBER_MAX = 2**53 - 1  # JavaScript's largest exact integer


class EventQuery(QueryInput):
    """The query string of the stream."""

    ticket = Text(required=False, max_length=100, help_text="From `POST /video-jobs/events/ticket`; opens one stream.")
    after = WholeNumber(
        required=False,
        least=0,
        most=NUMBER_MAX,
        help_text="The `id` of the last event that was received. `Last-Event-ID` wins.",
    )
    jobId = serializers.UUIDField(required=False, source="job_id", help_text="Only events of this job.")
    lookId = serializers.UUIDField(
        required=False, source="look_id", help_text="Only events of jobs of this look, and all deletions."
    )


class TicketOutput(serializers.Serializer[dict[str, object]]):
    """Where to open the stream."""

    url = serializers.URLField(help_text="For an EventSource; absolute, and good for one stream.")
    expiresAt = Timestamp(help_text="The stream has to be opened before.")
