"""Security headers: a content security policy for each part of the server, and the strictest for the rest."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

_CLOSED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_PAGE = (
    "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; connect-src 'self'; "
    "font-src 'self' data:; style-src 'self' 'unsafe-inline'; "  # Swagger UI and unfold use inline styles
)
_DOCS = f"{_PAGE}script-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self' blob:"
# The admin's pages show pictures and videos of any storage. Alpine, which unfold uses, compiles expressions in
# attributes: 'unsafe-eval'.
_ADMIN = f"{_PAGE}img-src 'self' data: blob: https:; media-src 'self' blob: https:; script-src 'self' 'unsafe-eval'"

# A browser may display an uploaded file, but never run it, whatever type it detects.
_MEDIA = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'; "
    "sandbox allow-same-origin"  # without it Chromium does not load the video of its own player page
)

# By prefix of the path; the first match wins.
POLICIES = (
    ("/api/", _CLOSED),
    ("/media/", _MEDIA),
    ("/l/", _MEDIA),  # files of a shared look; its page has a policy of its own
    ("/admin/rq/", f"{_ADMIN} 'unsafe-inline'"),  # django-rq's pages have inline scripts
    ("/admin/", _ADMIN),
    ("/docs", _DOCS),
    ("/redoc", _DOCS),
)


class SecurityHeadersMiddleware:
    """Adds what Django's SecurityMiddleware lacks: the content security policy, no framing, and `no-store` in the API.

    Headers that a view has set win.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        add_security_headers(response, path=request.path_info)  # canonical, by BasePathMiddleware
        return response


def add_security_headers(response: HttpResponseBase, *, path: str) -> None:
    """Add the headers that a response of this path needs."""
    policy = next((policy for start, policy in POLICIES if path.startswith(start)), _CLOSED)
    response.headers.setdefault("Content-Security-Policy", policy)
    response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    response.headers.setdefault("X-Frame-Options", "DENY")  # for browsers that do not know `frame-ancestors`
    if path.startswith("/api/"):
        response.headers.setdefault("Cache-Control", "no-store")
