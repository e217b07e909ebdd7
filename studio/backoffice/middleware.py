"""The middleware of pages that staff sign in to with a session, for requests to the admin alone.

The API signs nobody in and keeps no session: there it would cost each request time, and could only do harm. Each class
here is its library's own, and lets a request to any other part of the site pass.
"""

from collections.abc import Callable
from typing import Any

from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest, HttpResponseBase
from django.middleware import common, csrf

from studio.backoffice import audit
from studio.http import bodies
from studio.http.responses import too_large

_HOOKS = ("process_view", "process_exception", "process_template_response")  # what Django calls besides the middleware


def is_back_office(request: HttpRequest) -> bool:
    """Whether the request is for the admin, by its canonical path (studio.http.base_path)."""
    return request.path_info.startswith("/admin/") or request.path_info == "/admin"


class _WholeForm(csrf.CsrfViewMiddleware):
    """Django's, which reads the form for its token, before the view; here to its end, and whatever its type is."""

    def process_view(self, request: HttpRequest, *view: Any) -> Any:
        """Let the request pass, or refuse it. Raises IncompleteBody."""
        if not request.user.is_authenticated and bodies.length_of(request) > bodies.STRANGER_BYTES:
            return too_large(bodies.STRANGER_BYTES)
        bodies.require_whole_form(request)
        return super().process_view(request, *view)


def _for_the_back_office(kind: type[Any]) -> type[Any]:
    class Confined(kind):  # type: ignore[misc]  # any class may come
        async_capable = False  # Django adapts one that is not, so that there is one way through

        def __call__(self, request: HttpRequest) -> HttpResponseBase:
            answer: HttpResponseBase = (
                super().__call__(request) if is_back_office(request) else self.get_response(request)
            )
            return answer

    for name in _HOOKS:
        if hook := getattr(kind, name, None):
            setattr(Confined, name, _confined(hook))
    return Confined


def _confined(hook: Callable[..., Any]) -> Callable[..., Any]:
    def confined(self: Any, request: HttpRequest, *args: Any) -> Any:
        return hook(self, request, *args) if is_back_office(request) else None

    return confined


# In the order of settings.MIDDLEWARE.
SessionMiddleware = _for_the_back_office(sessions.SessionMiddleware)
CommonMiddleware = _for_the_back_office(common.CommonMiddleware)  # its part is to append slashes
CsrfViewMiddleware = _for_the_back_office(_WholeForm)
AuthenticationMiddleware = _for_the_back_office(auth.AuthenticationMiddleware)
MessageMiddleware = _for_the_back_office(messages.MessageMiddleware)
AuditMiddleware = _for_the_back_office(audit.AuditMiddleware)
