"""Canonical paths: without the deployment's prefix, doubled slashes, or a trailing slash in the API."""

import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

PROBES = ("/healthz", "/readyz")
# Load balancers and scrapers use a process's own address, which ALLOWED_HOSTS need not name. No response of these paths
# contains a URL made from the host.
FOR_MACHINES = (*PROBES, "/metrics")


class BasePathMiddleware:
    """Removes BASE_PATH, if the proxy left it, doubled slashes, and trailing slashes of API paths.

    A redirect to the canonical path would lose the body of a POST, so every form is served. `request.path` is always
    the canonical path behind the prefix: redirects and absolute URLs are built from it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """The response for the canonical path. Raises DisallowedHost."""
        canonicalise(request)
        return self.get_response(request)


def canonicalise(request: HttpRequest) -> None:
    """Give the request its canonical path. Raises DisallowedHost."""
    path = _canonical(request.path_info, settings.BASE_PATH)
    if path.rstrip("/") not in FOR_MACHINES:
        request.get_host()
    request.path_info = path
    request.path = f"{settings.BASE_PATH}{path}"


def _canonical(path: str, prefix: str) -> str:
    """The canonical path; doubled slashes come from clients that join a base and a path which both have one.

    Paths of the admin keep theirs, and are not found: a proxy may block `/admin/` by the path that it sees.
    """
    single = _without_prefix(re.sub("//+", "/", path), prefix)
    if single == "/admin" or single.startswith("/admin/"):
        return _without_prefix(path, prefix)
    return single.rstrip("/") if single.startswith("/api/") else single


def _without_prefix(path: str, prefix: str) -> str:
    if prefix and (path == prefix or path.startswith(f"{prefix}/")):
        return path.removeprefix(prefix) or "/"
    return path
