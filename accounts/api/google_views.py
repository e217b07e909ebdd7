"""Sign-in with Google at the API. `accounts.urls` has it only where GOOGLE_CLIENT_IDS is set."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.views import TokenViewBase

from accounts import registration, throttles
from accounts.api import serializers
from accounts.api.google_serializers import GoogleSignInForm
from accounts.api.views import TAGS, THROTTLED
from accounts.models import Method, User
from accounts.sign_in import sessions
from accounts.sign_in.google import attempts
from accounts.sign_in.google.id_tokens import Identity
from accounts.sign_in.refusals import AccountInactive
from accounts.sign_in.unverified import require_verified
from studio.api.schema import error
from studio.api.views import ApiView
from studio.http import bodies


class GoogleSignInView(ApiView, TokenViewBase):
    """Issues tokens for an ID token of Google."""

    throttle_classes = (throttles.SignInClientThrottle,)
    body_limits = bodies.FOR_ANONYMOUS
    serializer_class = GoogleSignInForm

    @extend_schema(
        tags=TAGS,
        summary="Sign in with Google",
        operation_id="signInWithGoogle",
        responses={
            200: OpenApiResponse(serializers.TokenPair, description="The tokens."),
            401: error("The ID token is not valid here, or its account is deactivated."),
            403: error("Registration is closed, or this Google account or role may not sign in here."),
            409: error("The account of the address cannot be used with this Google account."),
            429: THROTTLED,
            503: error("Google's keys cannot be fetched."),
        },
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Exchange an ID token of Google for an access and a refresh token.

        The first sign-in creates an account, if registration is open and no account has the address.
        """
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)
        user = attempts.user_of(request=request, require=_require, register=self._register, **form.validated_data)
        return Response(sessions.begin(user=user, request=request, method=Method.GOOGLE))

    def _register(self, identity: Identity) -> User:
        """Create the account. Counts as a registration, so that it is throttled like one. Raises Throttled."""
        throttle = throttles.RegisterThrottle()
        if not throttle.allow_request(self.request, self):
            raise Throttled(wait=throttle.wait())
        return registration.register_google_user(email=identity.email, google_id=identity.subject)


def _require(user: User) -> None:
    """Raise AccountInactive or EmailUnverified; `sessions.begin` checks the role.

    Staff may have changed the address of an account that has a Google account. Without one, `matching` refuses it.
    """
    if not user.is_active:
        raise AccountInactive
    if user.google_id:
        require_verified(user)
