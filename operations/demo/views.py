"""The endpoints of the demo account. `operations.urls` has them in development only."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.views import TokenViewBase

from accounts import throttles
from accounts.api.serializers import TokenPair
from accounts.models import Method
from accounts.sign_in import sessions
from accounts.sign_in.identity import caller
from accounts.sign_in.refusals import AccountInactive
from operations.demo import account
from studio.api.input_serializers import require_no_fields
from studio.api.schema import error
from studio.api.views import ApiView
from studio.http import bodies


class DemoContentStatus(serializers.Serializer[Any]):
    """Demo data that is not complete yet."""

    status = serializers.CharField(help_text="`preparing`: looks and videos appear one by one.")


class DemoSignInView(ApiView, TokenViewBase):
    """Starts a session of the demo account."""

    throttle_classes = (throttles.SignInClientThrottle,)
    body_limits = bodies.FOR_ANONYMOUS

    @extend_schema(
        tags=["Accounts"],
        summary="Sign in to the demo account",
        operation_id="signInToDemo",
        request=None,
        responses={
            200: OpenApiResponse(TokenPair, description="The tokens."),
            401: error("The demo account is deactivated."),
            429: error("Too many attempts."),
        },
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Sign in to the demo account without a password. Only a development server has this endpoint."""
        require_no_fields(request)
        user = account.find_or_create()
        if not user.is_active:
            raise AccountInactive
        return Response(sessions.begin(user=user, request=request, method=Method.PASSWORD))


class DemoContentView(ApiView):
    """Fills the caller's account."""

    @extend_schema(
        tags=["Accounts"],
        summary="Fill the account with demo data",
        operation_id="fillWithDemo",
        request=None,
        responses={202: OpenApiResponse(DemoContentStatus, description="Looks and videos are being added.")},
    )
    def post(self, request: Request) -> Response:
        """Add looks, and videos in every state, with the tokens that they cost. Only a development server does."""
        require_no_fields(request)
        account.request_content(user=caller(request))
        return Response({"status": "preparing"}, status=status.HTTP_202_ACCEPTED)
