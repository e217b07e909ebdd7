"""Who may see the pages that RQ brings along, and what they are while Redis is away."""

from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from redis.exceptions import RedisError

RETRY_SECONDS = 10


class QueuePagesGate:
    """Lets operators alone to the pages of RQ: whoever is staff could empty a queue there, RQ itself asks no more."""

    PATHS = ("/admin/rq/", "/admin/django_rq/")
    PERMISSION = "videos.operate_videojob"

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Refuse who is signed in without the right; who is not signed in is sent to do so by the pages."""
        is_guarded = request.path_info.startswith(self.PATHS)
        if is_guarded and request.user.is_authenticated and not request.user.has_perm(self.PERMISSION):
            raise PermissionDenied
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Say which service is away, on these pages: they have nothing to show without it."""
        if not request.path_info.startswith(self.PATHS) or not isinstance(exception, RedisError):
            return None
        sentence = "Redis does not answer, so there are no queues to show. Video jobs wait, and none is lost."
        return HttpResponse(
            sentence, status=503, content_type="text/plain; charset=utf-8", headers={"Retry-After": str(RETRY_SECONDS)}
        )
