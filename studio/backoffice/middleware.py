"""Runs `settings.BACK_OFFICE_MIDDLEWARE` around requests to the admin, and around no others.

The API has no sessions and no cookies: there this middleware would cost every request time, and could only do harm.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.module_loading import import_string

from studio.http import bodies
from studio.http.responses import too_large


def is_back_office(request: HttpRequest) -> bool:
    """Whether the request is for the admin, by its canonical path (studio.http.base_path)."""
    return request.path_info.startswith("/admin/") or request.path_info == "/admin"


class BackOfficeMiddleware:
    """Builds the chain as Django does for `settings.MIDDLEWARE`; hooks for template responses are not called."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        self._chain: Any = get_response
        self._members: list[Any] = []
        for path in reversed(settings.BACK_OFFICE_MIDDLEWARE):
            member = import_string(path)(self._chain)
            self._chain = convert_exception_to_response(member)
            self._members.insert(0, member)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Run the chain for requests to the admin only."""
        response: HttpResponseBase = (self._chain if is_back_office(request) else self._get_response)(request)
        return response

    def process_view(self, request: HttpRequest, *view: Any) -> Any:
        """Call the members' hooks in their order, up to the first response."""
        return _first("process_view", self._members, request, *view)

    def process_exception(self, request: HttpRequest, exception: Exception) -> Any:
        """Call the members' hooks in the reverse order, up to the first response."""
        return _first("process_exception", reversed(self._members), request, exception)


def _first(hook: str, members: Iterable[Any], request: HttpRequest, *args: Any) -> Any:
    if not is_back_office(request):
        return None
    responses = (getattr(member, hook)(request, *args) for member in members if hasattr(member, hook))
    return next((response for response in responses if response), None)


class WholeFormCsrfMiddleware(CsrfViewMiddleware):
    """Django's, but it reads the whole form, of any content type, before it checks the token."""

    def process_view(self, request: HttpRequest, *view: Any) -> Any:
        """Raises IncompleteBody."""
        if not request.user.is_authenticated and bodies.length_of(request) > bodies.ANONYMOUS_BYTES:
            return too_large(bodies.ANONYMOUS_BYTES)
        bodies.require_whole_form(request)
        return super().process_view(request, *view)
