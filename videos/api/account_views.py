"""The account endpoints that show prices and video jobs: registration, the caller's account, the balance."""

import tempfile
from typing import Any

from django.http import FileResponse, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import registration, throttles
from accounts.api.serializers import RegisterForm
from accounts.api.views import TAGS, THROTTLED
from accounts.own_account import deletion, exports, profile
from accounts.sign_in import confirmation
from accounts.sign_in.identity import caller
from studio.api.schema import error, response_header
from studio.api.views import ApiView
from studio.http import bodies
from studio.http.origins import origin_of
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
    reads_body_of_delete = True

    @extend_schema(
        tags=TAGS,
        summary="Get the caller's account",
        operation_id="getMe",
        responses={200: OpenApiResponse(account_serializers.Me, description="The account.")},
    )
    def get(self, request: Request) -> Response:
        """The caller's own account: tokens to spend, video jobs running and allowed."""
        return Response(account_serializers.Me(caller(request)).data)

    @extend_schema(
        tags=TAGS,
        summary="Change the caller's account",
        operation_id="updateMe",
        request=account_serializers.MeChanges,
        responses={200: OpenApiResponse(account_serializers.Me, description="The account.")},
    )
    def patch(self, request: Request) -> Response:
        """Change the name of the caller's account."""
        form = account_serializers.MeChanges(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        user = caller(request)
        profile.change(user=user, **form.validated_data)
        return Response(account_serializers.Me(user).data)

    @extend_schema(
        tags=TAGS,
        summary="Delete the caller's account",
        description=(
            "Delete the account with its looks, video jobs and files; needs the password, or a sign-in within the last "
            "10 minutes. All sessions and API keys end at once, and the address can be registered again. Files are "
            "removed in the background. Only the ledger stays, without address and name."
        ),
        operation_id="deleteMe",
        request=account_serializers.DeletionForm,
        responses={
            204: OpenApiResponse(description="The account is deleted."),
            403: error("The password is wrong, or neither given nor replaced by a recent sign-in."),
            409: error("The last admin cannot be deleted."),
            429: THROTTLED,
        },
    )
    def delete(self, request: Request) -> Response:
        """Delete the account; what belongs to it is removed in the background."""
        form = account_serializers.DeletionForm(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        password = form.validated_data.get("password")
        confirmation.require(request, user=caller(request), password=password, count_check=throttles.count_check)
        deletion.delete(user=caller(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ExportView(ApiView):
    """An export of everything that is stored about the caller. API keys are refused: it has more than they may read."""

    @extend_schema(
        tags=TAGS,
        summary="Export the caller's data",
        operation_id="exportMe",
        parameters=[
            response_header("Content-Disposition", "A file name with the date.", of=[200]),
            response_header("Retry-After", "When to request it again, in seconds.", of=[202], schema=OpenApiTypes.INT),
        ],
        responses={
            (200, "application/zip"): OpenApiResponse(OpenApiTypes.BINARY, description="The file, for a day."),
            202: OpenApiResponse(account_serializers.ExportStatus, description="The file is being prepared."),
            409: error("The file would be larger than 50 MiB."),
            503: error("Too many downloads are in progress."),
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        """A ZIP with the account, its ledger, looks and video jobs. The first request begins to prepare it."""
        task = exports.request(user=caller(request), origin=origin_of(request))
        if task is None:
            response = Response({"status": "preparing"}, status=status.HTTP_202_ACCEPTED)
            response["Retry-After"] = str(exports.RETRY_SECONDS)
            return response
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it; a slow client holds no memory
        file.write(exports.content_of(task))
        file.seek(0)
        name = f"account-{task.finished_at:%Y-%m-%d}.zip"
        return FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")


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
