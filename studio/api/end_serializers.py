"""The end of what a user creates for some time: a moment, or a number of days."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from studio.api.fields import WholeNumber
from studio.api.input_serializers import Input

MOST_DAYS = 3650


class EndInput(Input):
    """The base of an input with an end, `expires_at` in the checked values."""

    expiresAt = serializers.DateTimeField(
        source="expires_at",
        required=False,
        help_text="When it ends. Without an end, it lasts until it is revoked.",
        error_messages=dict.fromkeys(
            ("invalid", "date", "overflow", "make_aware"), "Must be a date and time, such as 2030-01-31T12:00:00Z."
        ),
    )
    expiresInDays = WholeNumber(
        source="expires_in_days",
        required=False,
        least=1,
        most=MOST_DAYS,
        help_text="The same as a number of days from now. Send one of the two.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Turn days into the moment. Raises ValidationError for two ends, or one in the past."""
        days = attrs.pop("expires_in_days", None)
        if days is not None and "expires_at" in attrs:
            raise serializers.ValidationError({"expiresInDays": "Send this or expiresAt, not both."})
        if days is not None:
            attrs["expires_at"] = timezone.now() + timedelta(days=days)
        elif "expires_at" in attrs and attrs["expires_at"] <= timezone.now():
            raise serializers.ValidationError({"expiresAt": "Must be in the future."})
        return attrs
