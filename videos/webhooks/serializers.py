"""Input and output of the endpoints of webhooks."""

from typing import Any, Literal

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from studio.api.fields import BlankAsNull, Choice, ItemList, Text, Timestamp
from studio.api.input_serializers import Input
from videos.models import Event, WebhookDelivery, WebhookEndpoint
from videos.models.webhooks import TEST, URL_MAX
from videos.webhooks import addresses
from videos.webhooks.messages import KINDS

DESCRIPTION_MAX = 200  # characters; the column
STATES = ("active", "disabled")
TYPES = (*(kind.value for kind in KINDS), TEST)


class WebhookUrl(Text):
    """The URL of a receiver, checked without resolving its host."""

    def to_internal_value(self, data: Any) -> str:
        url = super().to_internal_value(data)
        try:
            addresses.parse(url)
        except addresses.Refused as exc:
            raise serializers.ValidationError(str(exc)) from exc
        return url


class WebhookForm(Input):
    """The input of a new webhook."""

    url = WebhookUrl(
        max_length=URL_MAX,
        help_text="Where messages are sent: an https:// URL with a public host, on port 443 or from 1024. It may "
        "contain a secret, but no user name and no password.",
    )
    events = ItemList(
        source="kinds",
        child=Choice(choices=Event.Kind.choices),
        allow_empty=False,
        max_length=len(KINDS),
        required=False,
        error_messages={"empty": "Must name at least one kind."},
        help_text="The kinds of events to send. Without it: all.",
    )
    description = Text(
        max_length=DESCRIPTION_MAX, required=False, allow_blank=True, help_text="What the webhook is for."
    )


class WebhookChanges(WebhookForm):
    """The input of a change; what is left out stays."""

    status = Choice(
        choices=STATES,
        required=False,
        help_text="`active` enables a disabled webhook, which is then sent the events from now on. `disabled` disables "
        "it, and gives up the messages that wait.",
    )


@extend_schema_serializer(component_name="Webhook")
class WebhookOutput(serializers.ModelSerializer[WebhookEndpoint]):
    """A webhook, without its secret."""

    events = serializers.ListField(
        child=serializers.ChoiceField(choices=Event.Kind.choices), help_text="The events that are sent."
    )
    status = serializers.SerializerMethodField(help_text="`active`; or `disabled`: nothing is sent.")
    disabledReason = BlankAsNull(
        source="disabled_reason",
        help_text="`owner`, `staff`, `gone` (the receiver responded 410), `failing` (every attempt of five days "
        "failed); null while active.",
    )
    disabledAt = Timestamp(source="disabled_at", allow_null=True, help_text="When it was disabled; null while active.")
    failingSince = Timestamp(
        source="failing_since", allow_null=True, help_text="The first failed attempt since the last success; or null."
    )
    previousSecretValidUntil = Timestamp(
        source="previous_valid_until",
        allow_null=True,
        help_text="Until then messages are signed with the replaced secret, too; null without one.",
    )
    createdAt = Timestamp(source="created_at", help_text="When it was created.")

    class Meta:
        model = WebhookEndpoint
        fields: tuple[str, ...] = (
            *("id", "url", "description", "events", "status", "disabledReason", "disabledAt", "failingSince"),
            *("previousSecretValidUntil", "createdAt"),
        )
        read_only_fields = fields
        extra_kwargs = {
            "id": {"help_text": "The webhook's id."},
            "url": {"help_text": "Where messages are sent."},
            "description": {"help_text": "What it is for; may be empty."},
        }

    def get_status(self, endpoint: WebhookEndpoint) -> Literal["active", "disabled"]:
        return "active" if endpoint.disabled_at is None else "disabled"


@extend_schema_serializer(component_name="WebhookWithSecret")
class WebhookWithSecret(WebhookOutput):
    """A webhook with its secret: only the responses to its creation and to a rotation have it."""

    secret = serializers.CharField(help_text="Verifies messages, with a library of Standard Webhooks. Keep it.")

    class Meta(WebhookOutput.Meta):
        fields = (*WebhookOutput.Meta.fields, "secret")
        read_only_fields = fields


@extend_schema_serializer(component_name="WebhookDelivery")
class DeliveryOutput(serializers.ModelSerializer[WebhookDelivery]):
    """A message, and what became of it."""

    messageId = serializers.CharField(source="message_id", help_text="The header `webhook-id` of each attempt.")
    type = serializers.ChoiceField(source="kind", choices=TYPES, help_text="The `type` of the message.")
    number = serializers.IntegerField(allow_null=True, help_text="The number of the event; null for a test.")
    videoJobId = serializers.UUIDField(source="job_id", allow_null=True, help_text="The job; null for a test.")
    status = serializers.ChoiceField(
        source="state",
        choices=WebhookDelivery.State.choices,
        help_text="`pending`: it waits, or will be tried again. `delivered`. `failed`: given up.",
    )
    attempts = serializers.IntegerField(help_text="How often it was tried.")
    responseStatus = serializers.IntegerField(
        source="response_status", allow_null=True, help_text="The receiver's last response; null without one."
    )
    error = BlankAsNull(source="last_error", help_text="Why the last attempt failed; null if it did not.")
    createdAt = Timestamp(source="created_at", help_text="When the message was made.")
    attemptedAt = Timestamp(source="attempted_at", allow_null=True, help_text="When it was last tried.")
    deliveredAt = Timestamp(source="delivered_at", allow_null=True, help_text="When it was delivered.")
    nextAttemptAt = Timestamp(source="due_at", allow_null=True, help_text="When it is tried next; null once it is not.")

    class Meta:
        model = WebhookDelivery
        fields = (
            *("id", "messageId", "type", "number", "videoJobId", "status", "attempts", "responseStatus", "error"),
            *("createdAt", "attemptedAt", "deliveredAt", "nextAttemptAt"),
        )
        read_only_fields = fields
        extra_kwargs = {"id": {"help_text": "The delivery's id, to send it again."}}
