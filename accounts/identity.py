"""Who is calling."""

from django.http import HttpRequest
from rest_framework.request import Request

from accounts.models import User


def caller(request: HttpRequest | Request) -> User:
    """The signed-in user behind a request; the API's default permission, and the admin's, let nobody else through."""
    assert isinstance(request.user, User)
    return request.user
