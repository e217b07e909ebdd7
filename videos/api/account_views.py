"""The account endpoints that show prices and video jobs: registration, the caller's account, the balance."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import registration, throttles
from accounts.api.serializers import RegisterForm
from accounts.api.views import TAGS, THROTTLED
from accounts.sign_in.identity import caller
from studio.api.schema import error
from studio.api.views import ApiView
from studio.http import bodies
from videos.api import account_serializers
from videos.limits import VIDEO_PRICE_TOKENS


class RegisterView(ApiView, GenericAPIView[Any]):
    """Opens an account."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = (throttles.RegisterThrottle,)
    body_limits = bodies.FOR_ANONYMOUS
    serializer_class = RegisterForm

    @extend_schema(
        tags=TAGS,
        summary="Register",
        operation_id="register",
        responses={
            201: OpenApiResponse(account_serializers.Me, description="The new account."),
            403: error("Registration is closed."),
            429: THROTTLED,
        },
    )
    def post(self, request: Request) -> Response:
        """Create an account. Sign in with it afterwards."""
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)
        user = registration.register(**form.validated_data)
        return Response(account_serializers.Me(user).data, status=status.HTTP_201_CREATED)


class MeView(ApiView):
    """The caller."""

    scope = "account"

    @extend_schema(
        tags=TAGS,
        summary="Get the caller's account",
        operation_id="getMe",
        responses={200: OpenApiResponse(account_serializers.Me, description="The account.")},
    )
    def get(self, request: Request) -> Response:
        """The caller's own account: tokens to spend, video jobs running and allowed."""
        return Response(account_serializers.Me(caller(request)).data)


class BalanceView(ApiView):
    """The caller's tokens."""

    scope = "account"

    @extend_schema(
        tags=TAGS,
        summary="Get the balance and prices",
        operation_id="getTokens",
        responses={200: OpenApiResponse(account_serializers.Balance, description="The balance and prices.")},
    )
    def get(self, request: Request) -> Response:
        """The tokens that the caller can spend, and what things cost."""
        account = caller(request).token_account
        balance = {"balance": account.balance, "costs": {"videoJob": VIDEO_PRICE_TOKENS}}
        return Response(account_serializers.Balance(balance).data)
