"""One page, however its URL is written: with or without the deployment's prefix, with or without a last slash."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase


class BasePathMiddleware:
    """Takes BASE_PATH off the path where the proxy left it on, and the trailing slash off API paths.

    A redirect to the canonical form would lose the body of a POST, so both forms are answered.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request under its canonical path. Raises DisallowedHost for a name that is not ours."""
        request.get_host()
        prefix: str = settings.BASE_PATH
        path = request.path_info
        if prefix and (path == prefix or path.startswith(f"{prefix}/")):
            path = path.removeprefix(prefix) or "/"
        if path.startswith("/api/"):
            path = path.rstrip("/")
        request.path_info = path
        request.path = f"{prefix}{path}"
        return self.get_response(request)
