"""Guards every page below /admin/: a user who has or needs a second factor must verify it first."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from accounts.models import User
from accounts.sign_in import second_factor

BACK_OFFICE = "/admin/"
# Signing in and out, and the two pages that the gate redirects to.
OPEN = ("/admin/login/", "/admin/logout/", "/admin/second-factor/", "/admin/google/")


class SecondFactorMiddleware:
    """Runs after the middleware that sets the session's user. Covers whatever is below /admin/ by its path."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Respond, or redirect to the page that asks for the code."""
        path = request.path_info
        if path.startswith(BACK_OFFICE) and not path.startswith(OPEN) and (page := _page_before(request)):
            wanted = request.get_full_path() if request.method == "GET" else reverse("admin:index")
            return HttpResponseRedirect(f"{page}?{urlencode({'next': wanted})}")
        return self.get_response(request)


def _page_before(request: HttpRequest) -> str:
    """The page that the user must visit first; "" for none."""
    user: Any = request.user
    if not isinstance(user, User) and not user.is_authenticated:
        return ""
    if second_factor.is_verified(user=user, session=request.session):
        return ""
    if second_factor.is_set_up(user=user):
        return reverse("second-factor-code")
    return reverse("second-factor") if second_factor.is_required() else ""
