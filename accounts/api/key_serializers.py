"""Input and output of the endpoints of API keys."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from accounts.models import ApiKey
from studio.api.fields import Choice, ItemList, Text, Timestamp, WholeNumber
from studio.api.input_serializers import Input
from studio.api.scopes import SCOPES

NAME_LENGTH = 100  # characters; the column
MOST_DAYS = 3650


class ApiKeyForm(Input):
    """The input of a new API key."""

    name = Text(max_length=NAME_LENGTH, help_text="What the key is for.")
    scopes = ItemList(
        child=Choice(choices=tuple(SCOPES)),
        allow_empty=False,
        max_length=len(SCOPES),
        error_messages={"empty": "Must name at least one scope."},
        help_text="\n".join(["What the key may do:\n", *(f"* `{name}`: {what}" for name, what in SCOPES.items())]),
    )
    expiresAt = serializers.DateTimeField(
        source="expires_at",
        required=False,
        help_text="When the key ends. Without it, it lasts until it is revoked.",
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
        """The fields of the key. Raises ValidationError for two ends, or one in the past."""
        days = attrs.pop("expires_in_days", None)
        if days is not None and "expires_at" in attrs:
            raise serializers.ValidationError({"expiresInDays": "Send this or expiresAt, not both."})
        if days is not None:
            attrs["expires_at"] = timezone.now() + timedelta(days=days)
        elif "expires_at" in attrs and attrs["expires_at"] <= timezone.now():
            raise serializers.ValidationError({"expiresAt": "Must be in the future."})
        return attrs


@extend_schema_serializer(component_name="ApiKey")
class ApiKeyOutput(serializers.ModelSerializer[ApiKey]):
    """An API key, without the key itself."""

    scopes = serializers.ListField(child=serializers.ChoiceField(choices=tuple(SCOPES)), help_text="What it may do.")
    createdAt = Timestamp(source="created_at", help_text="When it was created.")
    expiresAt = Timestamp(source="expires_at", allow_null=True, help_text="When it ends; null if it does not.")
    lastUsedAt = Timestamp(
        source="last_used_at", allow_null=True, help_text="A time within the hour before its last use; null if unused."
    )
    revokedAt = Timestamp(source="revoked_at", allow_null=True, help_text="When it was revoked; null if it was not.")

    class Meta:
        model = ApiKey
        fields: tuple[str, ...] = (
            *("id", "name", "prefix", "scopes", "createdAt", "expiresAt", "lastUsedAt", "revokedAt"),
        )
        read_only_fields = fields
        extra_kwargs = {
            "id": {"help_text": "The id of the key, to revoke it."},
            "name": {"help_text": "What it is for."},
            "prefix": {"help_text": "Its first characters, to recognise it."},
        }


@extend_schema_serializer(component_name="NewApiKey")
class NewApiKey(ApiKeyOutput):
    """A new API key, with the key itself: the only response that has it."""

    key = serializers.CharField(help_text="Send it as `Authorization: Bearer …`. It is not shown again.")

    class Meta(ApiKeyOutput.Meta):
        fields = (*ApiKeyOutput.Meta.fields, "key")
        read_only_fields = fields
