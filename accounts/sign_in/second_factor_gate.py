"""Stands before every page below /admin/: who has a second factor, or needs one, shows it first."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from accounts.models import User
from accounts.sign_in import second_factor

BACK_OFFICE = "/admin/"
# Signing in and out, and the two pages that the gate sends people to.
OPEN = ("/admin/login/", "/admin/logout/", "/admin/second-factor/")


class SecondFactorMiddleware:
    """Comes after the one that finds the session's user. Whatever hangs below /admin/ is covered by its path."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, or lead to the page that asks for the code."""
        path = request.path_info
        if path.startswith(BACK_OFFICE) and not path.startswith(OPEN) and (page := _page_before(request)):
            wanted = request.get_full_path() if request.method == "GET" else reverse("admin:index")
            return HttpResponseRedirect(f"{page}?{urlencode({'next': wanted})}")
        return self.get_response(request)


def _page_before(request: HttpRequest) -> str:
    """Where the person has to go first; "" where nowhere."""
    user: Any = request.user
    if not isinstance(user, User) and not user.is_authenticated:
        return ""
    if second_factor.is_verified(user=user, session=request.session):
        return ""
    if second_factor.is_set_up(user=user):
        return reverse("second-factor-code")
    return reverse("second-factor") if second_factor.is_required() else ""
