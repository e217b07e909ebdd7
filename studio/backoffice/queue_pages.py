"""Restricts django-rq's pages to operators, and explains them while Redis is down."""

from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from redis.exceptions import RedisError

RETRY_SECONDS = 10


class QueuePagesMiddleware:
    """Lets only operators see the pages: django-rq lets any staff empty a queue there."""

    PATHS = ("/admin/rq/", "/admin/django_rq/")
    PERMISSION = "videos.operate_videojob"

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Refuse users without the permission; the pages redirect anonymous users to the sign-in."""
        is_guarded = request.path_info.startswith(self.PATHS)
        if is_guarded and request.user.is_authenticated and not request.user.has_perm(self.PERMISSION):
            raise PermissionDenied
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Respond with a sentence while Redis is down: the pages have no data without it."""
        if not request.path_info.startswith(self.PATHS) or not isinstance(exception, RedisError):
            return None
        sentence = "Redis is not reachable, so there are no queues to show. Video jobs wait, and none is lost."
        return HttpResponse(
            sentence, status=503, content_type="text/plain; charset=utf-8", headers={"Retry-After": str(RETRY_SECONDS)}
        )
