"""What the API shows of a session."""

from rest_framework import serializers

from accounts.models import Session
from accounts.sign_in import sessions
from studio.api.fields import Timestamp


class SessionLine(serializers.ModelSerializer[Session]):
    """One session of the caller."""

    clientIp = serializers.IPAddressField(
        source="client_ip", allow_null=True, help_text="Of the last sign-in or refresh; of IPv6, the network."
    )
    createdAt = Timestamp(source="created_at", help_text="When the session began.")
    lastUsedAt = Timestamp(source="refreshed_at", help_text="The time of the last sign-in or refresh.")
    expiresAt = Timestamp(source="expires_at", help_text="When the session ends unless it is refreshed.")
    isCurrent = serializers.SerializerMethodField(
        "is_current", help_text="Whether this request's access token is of this session."
    )

    class Meta:
        model = Session
        fields = ("id", "method", "client", "clientIp", "createdAt", "lastUsedAt", "expiresAt", "isCurrent")
        read_only_fields = fields
        extra_kwargs = {
            "id": {"help_text": "The session's id."},
            "method": {"help_text": "How the user signed in."},
            "client": {"help_text": "The program, as it called itself last."},
        }

    def is_current(self, session: Session) -> bool:
        """Whether the request belongs to it."""
        return session.pk == sessions.session_id(self.context["request"])
