"""The views of the live process."""

import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from accounts.sign_in.grants import Grant
from videos.api.input_serializers import DetailQuery
from videos.api.views import VideoJobViewSet
from videos.live import admission, metrics, pages
from videos.live.handler import StreamResponse
from videos.live.hub import HUB, Listener
from videos.live.pages import Page
from videos.live.threads import REQUESTS
from videos.models import VideoJob

KEEPALIVE_SECONDS = 15  # between two comments of a silent stream; proxies close after 30 to 60
RETRY_MILLISECONDS = 2_000  # until an EventSource connects again

_admit = admission.Admission.as_view()
_job = VideoJobViewSet.as_view({"get": "retrieve"})


async def healthz(request: HttpRequest) -> HttpResponse:
    """Whether the process responds."""
    return HttpResponse("ok\n", content_type="text/plain")


async def events(request: HttpRequest) -> HttpResponseBase:
    """The stream of events, or the refusal."""
    admitted: Any = await REQUESTS.run(admission.respond, _admit, request)
    listener = getattr(admitted, "listener", None)
    if listener is None or request.method == "HEAD":
        return admitted  # type: ignore[no-any-return]  # rendered by Django
    response = StreamResponse(_stream(listener), content_type="text/event-stream")
    response["X-Accel-Buffering"] = "no"  # nginx: send each event at once
    return response


async def _stream(listener: Listener) -> AsyncIterator[bytes]:
    HUB.add(listener)
    metrics.OPENED.add()
    end = "client"
    try:
        # with the position: a client that is cut off before the first event continues there
        yield b"retry: %d\n%s" % (RETRY_MILLISECONDS, _position(listener))
        while not listener.is_over:
            page = await listener.next(within=KEEPALIVE_SECONDS)
            if page:
                yield _text(listener, page)
            elif not listener.is_over:
                yield b":\n" + _position(listener)
        end = "stopped" if HUB.is_stopping else "refused"
    finally:
        HUB.remove(listener)
        metrics.ENDED.add(end)


def _position(listener: Listener) -> bytes:
    """Sets the client's Last-Event-ID, without an event: those that filters left out need not be read again."""
    return b"id: %d\n\n" % listener.position


def _text(listener: Listener, page: Page) -> bytes:
    if page.is_reset:
        return b"id: %d\nevent: reset\ndata: {}\n\n" % page.last
    wanted = [frame.text for frame in page.frames if listener.wants(frame)]
    metrics.EVENTS.add(amount=len(wanted))
    return b"".join(wanted) or _position(listener)


async def job(request: HttpRequest, pk: str) -> HttpResponseBase:
    """One job; with `wait`, once it has changed or the time is up. The response is the API's."""
    seconds = _seconds(request)
    place = await REQUESTS.run(_place, pk) if seconds else None
    response: Any = await REQUESTS.run(admission.respond, _job, request, pk=pk)
    user: Any = request.user  # set by REST framework
    if place is None or not _is_unchanged(request, response) or not HUB.has_room(user.pk):
        return response  # type: ignore[no-any-return]
    owner_id, position = place
    listener = Listener(grant=Grant(user.pk), owner_id=owner_id, origin="", position=position, job_id=uuid.UUID(pk))
    metrics.WAITS.add()
    await _change(listener, seconds)
    return await REQUESTS.run(admission.respond, _job, request, pk=pk)


async def _change(listener: Listener, seconds: float) -> None:
    """Return when the job has changed, or the time is up."""
    ends_at = time.monotonic() + seconds
    HUB.add(listener)
    try:
        while not listener.is_over and (left := ends_at - time.monotonic()) > 0:
            page = await listener.next(within=left)
            if page and (page.is_reset or any(map(listener.wants, page.frames))):
                return
    finally:
        HUB.remove(listener)


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
