"""Records attempts to sign in: user, time, client IP and client; never what was typed."""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.http import HttpRequest
from rest_framework.request import Request

from accounts.models import Method, SignIn, User
from accounts.sign_in.client_ip import network_of

CLIENT_MAX = 300  # characters; the column's width


def record(
    *, request: HttpRequest | Request, user: User | None, succeeded: bool, method: Method = Method.PASSWORD
) -> None:
    """Record one attempt; without a user if no account has the e-mail address."""
    SignIn.objects.create(
        user=user,
        channel=SignIn.Channel.API if isinstance(request, Request) else SignIn.Channel.BACK_OFFICE,
        method=method,
        succeeded=succeeded,
        client_ip=network_of(request),
        client=program_of(request),
    )


def set_method(request: HttpRequest | Request, method: Method) -> None:
    """Name the method for the record that Django's signals cause; without this it is the password."""
    request.sign_in_method = method  # type: ignore[union-attr]  # read below


def _method_of(request: HttpRequest) -> Method:
    return getattr(request, "sign_in_method", Method.PASSWORD)


def program_of(request: HttpRequest | Request) -> str:
    """The client program as it calls itself, in printable characters, at most CLIENT_MAX of them."""
    client = request.META.get("HTTP_USER_AGENT", "")
    return "".join(letter for letter in client if letter.isprintable())[:CLIENT_MAX]


def listen() -> None:
    """Connect to Django's signals. simplejwt sends none for a success: `accounts.sign_in.sessions` calls `record`."""
    user_logged_in.connect(_succeeded, dispatch_uid="accounts.sign_in.history")
    user_login_failed.connect(_failed, dispatch_uid="accounts.sign_in.history")


def _succeeded(sender: Any, *, request: HttpRequest, user: User, **kwargs: Any) -> None:
    record(request=request, user=user, succeeded=True, method=_method_of(request))


def _failed(sender: Any, *, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    if request is None:  # without a request, a program checked the password, not a client
        return
    typed = str(credentials.get("email") or credentials.get("username") or "")
    user = _owner_of(typed)
    record(request=request, user=user, succeeded=False, method=_method_of(request))


def _owner_of(typed: str) -> User | None:
    try:
        return User.objects.get_by_natural_key(typed.replace("\0", ""))
    except User.DoesNotExist:
        return None
