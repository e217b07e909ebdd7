"""The endpoints of sign-in and of the ledger."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.views import TokenViewBase

from accounts import throttles
from accounts.api import serializers
from accounts.models import LedgerEntry
from accounts.sign_in.identity import caller
from studio.api.schema import error
from studio.api.views import ApiView
from studio.http import bodies

TAGS = ["Accounts"]
THROTTLED = error("Too many attempts.")
BAD_TOKEN = error("The refresh token is expired or malformed, or its session has ended.")


class SignInView(ApiView, TokenViewBase):
    """Starts a session for a password."""

    throttle_classes = (throttles.SignInClientThrottle, throttles.SignInAccountThrottle)
    body_limits = bodies.FOR_ANONYMOUS
    serializer_class = serializers.SignInForm

    @extend_schema(
        tags=TAGS,
        summary="Sign in",
        operation_id="signIn",
        responses={
            200: OpenApiResponse(serializers.TokenPair, description="The tokens."),
            401: error("The e-mail address or the password is wrong."),
            403: error("The account is for the back office only, or its address is not verified."),
            429: THROTTLED,
        },
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Exchange an e-mail address and a password for an access and a refresh token."""
        return super().post(request, *args, **kwargs)


class RefreshView(ApiView, TokenViewBase):
    """Issues tokens for a refresh token."""

    throttle_classes = (throttles.TokenThrottle,)
    body_limits = bodies.FOR_ANONYMOUS
    serializer_class = serializers.RefreshForm

    @extend_schema(
        tags=TAGS,
        summary="Refresh the tokens",
        operation_id="refreshTokens",
        responses={
            200: OpenApiResponse(serializers.TokenPair, description="The new pair."),
            401: BAD_TOKEN,
            403: error("The address is not verified, which this server demands (`email_unverified`)."),
            429: THROTTLED,
        },
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Exchange a refresh token for a new pair. Each refresh token works once; keep the new one.

        Sent again within 10 seconds, as by two tabs or after a lost response, it returns the same new pair. Sent later,
        it counts as stolen, and ends the session.
        """
        return super().post(request, *args, **kwargs)


class RevokeView(ApiView, TokenViewBase):
    """Ends the session of a refresh token."""

    throttle_classes = (throttles.TokenThrottle,)
    body_limits = bodies.FOR_ANONYMOUS
    serializer_class = serializers.RevokeForm

    @extend_schema(
        tags=TAGS,
        summary="Sign out",
        operation_id="signOut",
        responses={
            204: OpenApiResponse(description="The session has ended, now or before."),
            401: BAD_TOKEN,
            429: THROTTLED,
        },
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """End the session of a refresh token: its tokens stop working at once."""
        super().post(request, *args, **kwargs)
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema_view(
    get=extend_schema(
        tags=TAGS,
        summary="List the ledger",
        description="Every movement of the caller's tokens, newest first.",
        operation_id="listLedger",
        parameters=[serializers.LedgerQuery],
        responses={200: OpenApiResponse(serializers.LedgerLine(many=True), description="A page of entries.")},
    )
)
class LedgerView(ApiView, ListAPIView[LedgerEntry]):
    """Every movement of the caller's tokens, newest first."""

    scope = "account"
    serializer_class = serializers.LedgerLine
    queryset = LedgerEntry.objects.order_by("-created_at", "-id")

    def get_queryset(self) -> QuerySet[LedgerEntry]:
        """The caller's own, of one video job where the query names it."""
        query = serializers.LedgerQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        return super().get_queryset().filter(account__user=caller(self.request), **query.validated_data)
