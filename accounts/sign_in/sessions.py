"""Sessions of the API."""

from typing import Any

from django.contrib.auth.models import update_last_login
from rest_framework.request import Request

from accounts.models import Method, User
from accounts.tokens import AccountRefreshToken


def begin(*, user: User, request: Request, method: Method) -> dict[str, Any]:
    """Start a session; returns the response of a sign-in."""
    refresh = AccountRefreshToken.for_user(user)
    update_last_login(type(user), user)
    return {"access": str(refresh.access_token), "refresh": str(refresh)}
