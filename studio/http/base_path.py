"""One page, however its URL is written: with or without the deployment's prefix, doubled slashes or a last one."""

import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

PROBES = ("/healthz", "/readyz")
# Load balancers and scrapers use a process's own address, which ALLOWED_HOSTS need not name. No response of these paths
# contains a URL made from the host.
FOR_MACHINES = (*PROBES, "/metrics")


class BasePathMiddleware:
    """Takes BASE_PATH off the path where the proxy left it on, doubled slashes, and the trailing slash off API paths.

    A redirect to the canonical form would lose the body of a POST, so every form is answered. `request.path` is the
    canonical one behind the prefix, whatever the proxy does: every redirect and every absolute URL is made of it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request under its canonical path. Raises DisallowedHost for a name that is not ours."""
        path = _canonical(request.path_info, settings.BASE_PATH)
        if path.rstrip("/") not in FOR_MACHINES:
            request.get_host()
        request.path_info = path
        request.path = f"{settings.BASE_PATH}{path}"
        return self.get_response(request)


def _canonical(path: str, prefix: str) -> str:
    """The path as meant, also where a client has joined a base and a path that both have a slash.

    The admin's stays as it is, and is not found: a proxy may bar `/admin/` by the path that it sees.
    """
    single = _without_prefix(re.sub("//+", "/", path), prefix)
    if single == "/admin" or single.startswith("/admin/"):
        return _without_prefix(path, prefix)
    return single.rstrip("/") if single.startswith("/api/") else single


def _without_prefix(path: str, prefix: str) -> str:
    if prefix and (path == prefix or path.startswith(f"{prefix}/")):
        return path.removeprefix(prefix) or "/"
    return path
