"""Input and output of the endpoints of API keys."""

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from accounts.models import ApiKey
from studio.api.end_serializers import EndInput
from studio.api.fields import Choice, ItemList, Text, Timestamp
from studio.api.scopes import SCOPES

NAME_LENGTH = 100  # characters; the column


class ApiKeyForm(EndInput):
    """The input of a new API key."""

    name = Text(max_length=NAME_LENGTH, help_text="What the key is for.")
    scopes = ItemList(
        child=Choice(choices=tuple(SCOPES)),
        allow_empty=False,
        max_length=len(SCOPES),
        error_messages={"empty": "Must name at least one scope."},
        help_text="\n".join(["What the key may do:\n", *(f"* `{name}`: {what}" for name, what in SCOPES.items())]),
    )


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
