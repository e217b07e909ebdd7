"""Input and output of the endpoints of links."""

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.reverse import reverse

from looks.models import LookLink
from studio.api.end_serializers import EndInput
from studio.api.fields import Timestamp


class LookLinkForm(EndInput):
    """The input of a new link."""


@extend_schema_serializer(component_name="LookLink")
class LookLinkOutput(serializers.ModelSerializer[LookLink]):
    """A link under which everyone can see the look."""

    url = serializers.SerializerMethodField(help_text="The address of the look's public page.")
    createdAt = Timestamp(source="created_at", help_text="When it was created.")
    expiresAt = Timestamp(source="expires_at", allow_null=True, help_text="When it ends; null if it does not.")
    revokedAt = Timestamp(source="revoked_at", allow_null=True, help_text="When it was revoked; null if it was not.")
    lastViewedAt = Timestamp(
        source="last_viewed_at", allow_null=True, help_text="A time within the hour before the last view; null if none."
    )

    class Meta:
        model = LookLink
        fields = ("id", "url", "createdAt", "expiresAt", "revokedAt", "lastViewedAt")
        read_only_fields = fields
        extra_kwargs = {"id": {"help_text": "The id of the link, to revoke it."}}

    def get_url(self, link: LookLink) -> str:
        """With scheme, host and BASE_PATH."""
        return str(reverse("shared-look", args=[link.token], request=self.context["request"]))
