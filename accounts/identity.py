"""Who is calling."""

from rest_framework.request import Request

from accounts.models import User


def caller(request: Request) -> User:
    """The signed-in user behind a request; the API's default permission lets nobody else through to a view."""
    assert isinstance(request.user, User)
    return request.user
