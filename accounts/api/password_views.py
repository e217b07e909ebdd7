"""The endpoints of passwords and of e-mail verification."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import passwords, throttles, verification
from accounts.api import password_serializers as forms
from accounts.api.serializers import TokenPair
from accounts.api.views import TAGS, THROTTLED
from accounts.sign_in import sessions
from accounts.sign_in.identity import caller
from studio.api.schema import error
from studio.api.views import ApiView
from studio.http import bodies

REQUESTED = OpenApiResponse(forms.MailRequested, description="The mail is on its way, if there is an account.")
NO_MAIL = error("This server sends no mails.")
BAD_LINK = error("The link is wrong, used or expired (`link_invalid`), or a field is not valid.")


class _Form(ApiView, GenericAPIView[Any]):
    """An endpoint with a small form."""

    body_limits = bodies.FOR_ANONYMOUS

    def values(self, request: Request) -> dict[str, Any]:
        """The fields of the valid form."""
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)
        return dict(form.validated_data)


class PasswordView(_Form):
    """Changes the caller's password."""

    serializer_class = forms.ChangePasswordForm

    @extend_schema(
        tags=TAGS,
        summary="Change the password",
        operation_id="changePassword",
        responses={
            200: OpenApiResponse(TokenPair, description="The tokens of a new session."),
            400: error("The current password is wrong (`wrong_password`), or the new one is easy to guess."),
            403: error("The account has no password, and its sign-in was too long ago (`confirmation_needed`)."),
            429: THROTTLED,
        },
    )
    def post(self, request: Request) -> Response:
        """Replace the password. All sessions end; the response has the tokens of a new one.

        An account without a password sets its first one within 10 minutes after a sign-in.
        """
        return Response(
            passwords.change(
                user=caller(request), request=request, count_check=throttles.count_check, **self.values(request)
            )
        )


class _MailView(_Form):
    """Mails a link. It responds the same, and as fast, whether or not the address has an account."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = (throttles.MailClientThrottle, throttles.MailThrottle)
    serializer_class = forms.AddressForm


class ResetView(_MailView):
    """Mails a link to set a new password."""

    @extend_schema(
        tags=TAGS,
        summary="Request a mail to reset the password",
        operation_id="requestPasswordReset",
        responses={202: REQUESTED, 429: THROTTLED, 503: NO_MAIL},
    )
    def post(self, request: Request) -> Response:
        """Mail a link to `/reset-password?token=…` of the frontend, which works once and for an hour."""
        passwords.request_reset(**self.values(request))
        message = "If an account has this address, a mail with a link is on its way."
        return Response({"message": message}, status=status.HTTP_202_ACCEPTED)


class VerifyView(_MailView):
    """Mails a link to verify the address."""

    @extend_schema(
        tags=TAGS,
        summary="Request a mail to verify the address",
        operation_id="requestEmailVerification",
        responses={202: REQUESTED, 429: THROTTLED, 503: NO_MAIL},
    )
    def post(self, request: Request) -> Response:
        """Mail a link to `/verify-email?token=…` of the frontend, which works once and for an hour.

        A registration sends the first one itself.
        """
        verification.request_link(**self.values(request))
        message = "If an account has this address and has not verified it, a mail with a link is on its way."
        return Response({"message": message}, status=status.HTTP_202_ACCEPTED)


class _LinkView(_Form):
    """Uses a mailed link."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = (throttles.TokenThrottle,)


class ConfirmResetView(_LinkView):
    """Sets a new password."""

    serializer_class = forms.ResetPasswordForm

    @extend_schema(
        tags=TAGS,
        summary="Set a new password by a mailed link",
        operation_id="resetPassword",
        responses={204: OpenApiResponse(description="The password is set."), 400: BAD_LINK, 429: THROTTLED},
    )
    def post(self, request: Request) -> Response:
        """Set the password of the link's account. All sessions end, and the address counts as verified.

        If it was not verified before, all API keys end, too.
        """
        passwords.reset(**self.values(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ConfirmVerifyView(_LinkView):
    """Verifies an address."""

    serializer_class = forms.LinkForm

    @extend_schema(
        tags=TAGS,
        summary="Verify the address by a mailed link",
        operation_id="verifyEmail",
        responses={204: OpenApiResponse(description="The address is verified."), 400: BAD_LINK, 429: THROTTLED},
    )
    def post(self, request: Request) -> Response:
        """Record that the link arrived at the account's address.

        All earlier sessions and API keys of the account end. A page that is signed in to the account sends its access
        token, too: then its session and the keys stay.
        """
        verification.confirm(**self.values(request), session_id=sessions.in_header(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
