"""What a browser may do with an answer: a policy for each part of the site, the strictest where nothing is said."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

_CLOSED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_PAGE = (
    "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; connect-src 'self'; "
    "font-src 'self' data:; style-src 'self' 'unsafe-inline'; "  # both user interfaces style their elements in place
)
_DOCS = f"{_PAGE}script-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self' blob:"
# The admin's pages show pictures and videos of whichever storage there is. Alpine, which unfold's pages are made with,
# compiles the expressions in its attributes: 'unsafe-eval'.
_ADMIN = f"{_PAGE}img-src 'self' data: blob: https:; media-src 'self' blob: https:; script-src 'self' 'unsafe-eval'"

# A file that somebody has uploaded is shown, and never runs, whatever a browser takes it for.
_MEDIA = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'; "
    "sandbox allow-same-origin"  # without that Chromium would not load the video that it shows
)

# By the beginning of the path; the first that fits.
POLICIES = (
    ("/api/", _CLOSED),
    ("/media/", _MEDIA),
    ("/admin/rq/", f"{_ADMIN} 'unsafe-inline'"),  # django-rq's pages carry their scripts in them
    ("/admin/", _ADMIN),
    ("/docs", _DOCS),
    ("/redoc", _DOCS),
)


class SecurityHeadersMiddleware:
    """Adds what Django's SecurityMiddleware does not: the content policy, and `no-store` on what is somebody's own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer; a header that the view has set stays."""
        answer = self.get_response(request)
        path = request.path_info  # as BasePathMiddleware has left it
        policy = next((policy for start, policy in POLICIES if path.startswith(start)), _CLOSED)
        answer.headers.setdefault("Content-Security-Policy", policy)
        answer.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if path.startswith("/api/"):
            answer.headers.setdefault("Cache-Control", "no-store")
        return answer
