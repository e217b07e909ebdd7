"""How users can sign in to this server, for a page whose user is not signed in."""

from django.conf import settings
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.method_serializers import SignInMethods
from accounts.api.views import TAGS
from studio.api.views import ApiView
from studio.http import bodies


class MethodsView(ApiView):
    """Needs no token: sign-in pages read it."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()  # as a static file
    body_limits = bodies.FOR_ANONYMOUS

    @extend_schema(
        tags=TAGS,
        summary="Get the ways to sign in",
        operation_id="getSignInMethods",
        responses={200: OpenApiResponse(SignInMethods, description="What this server offers.")},
    )
    def get(self, request: Request) -> Response:
        """What a sign-in page may offer: registration, Google, mails, and in development the demo account."""
        methods = {
            "registrationOpen": settings.REGISTRATION_OPEN,
            "signUpTokens": settings.SIGNUP_TOKENS,
            "mail": settings.MAIL_IS_CONFIGURED,
            "demo": not settings.PRODUCTION,
        }
        return Response(SignInMethods(methods).data)
