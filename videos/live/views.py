"""The views of the live process. They run in threads."""

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from accounts.sign_in.grants import grant_of
from studio.http.origins import move_to, origin_at
from videos.api.input_serializers import DetailQuery
from videos.api.views import VideoJobViewSet
from videos.live import pages
from videos.live.admission import Admission
from videos.live.handler import HAS_WAITED, WaitResponse
from videos.live.hub import HUB, Listener
from videos.models import VideoJob

View = Callable[..., HttpResponseBase]

_job = VideoJobViewSet.as_view({"get": "retrieve"})
_job_after_wait = VideoJobViewSet.as_view({"get": "retrieve"}, throttle_classes=())  # counted before the wait


def at_web_origin(view: View) -> View:
    """Absolute URLs in the view's responses lead to the web process, which serves the files."""

    @wraps(view)
    def respond(request: ASGIRequest, **kwargs: Any) -> HttpResponseBase:
        move_to(origin_at(settings.WEB_URL, request), request)
        return view(request, **kwargs)

    return respond


def healthz(request: HttpRequest) -> HttpResponse:
    """Whether the process responds."""
    return HttpResponse("ok\n", content_type="text/plain")


events = at_web_origin(Admission.as_view())


@at_web_origin
def job(request: ASGIRequest, pk: str) -> HttpResponseBase:
    """One job; with `wait`, once it has changed or the time is up. The response is the API's."""
    if HAS_WAITED in request.scope:
        return _job_after_wait(request, pk=pk)
    seconds = _seconds(request)
    place = _place(pk) if seconds else None
    response = _job(request, pk=pk)
    if place is None or not _is_unchanged(request, response):
        return response
    authenticated: Any = request  # REST framework has set its user and auth
    grant = grant_of(authenticated)
    owner_id, position = place
    listener = Listener(grant=grant, owner_id=owner_id, origin="", position=position, job_id=uuid.UUID(pk))
    return WaitResponse(listener, seconds=seconds) if HUB.has_room(grant.user_id) else response


def _place(pk: str) -> tuple[uuid.UUID, int] | None:
    """The job's owner, and the number of the owner's last event; None if there is no such job."""
    try:
        found = VideoJob.objects.filter(pk=uuid.UUID(pk)).values_list("owner", flat=True).first()
        return (found, pages.newest(found)) if found else None
    except (ValueError, DatabaseError, InterfaceError):  # the API's own response, which follows, reports an outage
        return None


def _seconds(request: HttpRequest) -> int:
    """How long to wait; 0 for a query that the API refuses."""
    query = DetailQuery(data=request.GET)
    return int(query.validated_data.get("wait", 0)) if query.is_valid() else 0


def _is_unchanged(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Whether the client has this state of an unfinished job, or has not said which one it has."""
    is_live = response.has_header("Retry-After") and response.status_code in {200, 304}
    return is_live and (response.status_code == 304 or "If-None-Match" not in request.headers)
