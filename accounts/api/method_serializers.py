"""The response that says how users can sign in."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


class GoogleMethod(serializers.Serializer[Any]):
    """What a page needs to redirect to Google."""

    clientId = serializers.CharField(help_text="For Google's button, or as `client_id` of a redirect.")
    authorizationUrl = serializers.CharField(help_text="Where a redirect leads to.")
    hostedDomain = serializers.CharField(allow_null=True, help_text="The only Workspace domain that may sign in.")


class SignInMethods(serializers.Serializer[Any]):
    """Which ways to sign in this server offers."""

    registrationOpen = serializers.BooleanField(help_text="true: anyone may register.")
    signUpTokens = serializers.IntegerField(min_value=0, help_text="What a new account starts with.")
    mail = serializers.BooleanField(help_text="true: the server mails links, to reset a password among others.")
    demo = serializers.BooleanField(help_text="true: `POST /auth/demo` signs in to a demo account.")
    google = serializers.SerializerMethodField(help_text="null: sign-in with Google is off.")

    @extend_schema_field(GoogleMethod(allow_null=True))
    def get_google(self, methods: dict[str, Any]) -> dict[str, Any] | None:
        """The first client id is that of the pages."""
        if not settings.GOOGLE_CLIENT_IDS:
            return None
        return {
            "clientId": settings.GOOGLE_CLIENT_IDS[0],
            "authorizationUrl": settings.GOOGLE_AUTHORIZATION_URL,
            "hostedDomain": settings.GOOGLE_HOSTED_DOMAIN or None,
        }
