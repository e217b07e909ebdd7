"""The endpoints of events. The stream itself is the live process's (`videos.live`); here is its description."""

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.sign_in.grants import grant_of
from studio.api.input_serializers import require_no_fields
from studio.api.schema import error
from studio.api.views import ApiView
from studio.errors import NotFound
from studio.http.origins import origin_at
from videos import live_tickets
from videos.api.event_serializers import EventQuery, TicketOutput


class NotLive(NotFound):
    """The request for the stream has reached another process."""

    code = "not_live"
    message = "The live process serves this URL; POST video-jobs/events/ticket returns where it is."


@extend_schema(tags=["Video jobs"])
class EventStreamView(ApiView):
    """The stream's description; its subclass in the live process serves it."""

    scope = "videos"

    @extend_schema(
        operation_id="streamVideoJobEvents",
        summary="Stream changes of video jobs",
        description=(
            "Server-sent events: each change of one of your jobs as `job.created`, `job.updated` or `job.deleted`, "
            "with a number as `id`, and the job as the list shows it as `data`; of a deleted job, its `id` only. "
            "`event: reset` means that older events are not kept any more: list again. `event: ping`, every 15 seconds "
            "and without `id`, shows that the stream works. A stream starts with the next event, or after the one in "
            "`Last-Event-ID` or `after`."
        ),
        parameters=[
            EventQuery,
            OpenApiParameter(
                "Last-Event-ID",
                OpenApiTypes.INT64,
                OpenApiParameter.HEADER,
                description="The `id` of the last event that was received.",
            ),
        ],
        responses={
            (200, "text/event-stream"): OpenApiResponse(OpenApiTypes.STR, description="The stream; it has no end."),
            404: error("This server has no live process, or it is at another URL."),
            429: error("You have 20 streams, or have sent too many requests."),
            503: error("The live process has as many streams as it can hold."),
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Raise ValidationError, or NotLive."""
        EventQuery(data=request.query_params).is_valid(raise_exception=True)
        raise NotLive


@extend_schema(tags=["Video jobs"])
class TicketView(ApiView):
    """Tickets for the stream."""

    scope = "videos:read"

    @extend_schema(
        operation_id="createEventTicket",
        summary="Get a URL for an EventSource",
        description="A browser's EventSource cannot send `Authorization`: it opens this URL, once, within a minute.",
        request=None,
        responses={201: OpenApiResponse(TicketOutput, description="The URL, with its ticket.")},
    )
    def post(self, request: Request) -> Response:
        """Issue a ticket."""
        require_no_fields(request)
        text, expires_at = live_tickets.issue(grant_of(request))
        url = f"{origin_at(settings.LIVE_URL, request)}{reverse('video-job-events')}?{urlencode({'ticket': text})}"
        return Response(TicketOutput({"url": url, "expiresAt": expires_at}).data, status=status.HTTP_201_CREATED)
