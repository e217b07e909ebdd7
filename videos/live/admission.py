"""Admits clients: the API's own authentication, throttle and error responses, in a thread."""

from django.conf import settings
from django.http import HttpResponseBase
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.sign_in import grants
from accounts.sign_in.authentication import TokenAuthentication
from accounts.sign_in.grants import Grant, grant_of
from accounts.sign_in.identity import USERS
from studio.errors import InvalidInput, LimitReached, Unavailable
from studio.http.origins import origin_of
from studio.http.responses import mark_as_logged
from videos import live_tickets
from videos.api.event_serializers import NUMBER_MAX, EventQuery
from videos.api.event_views import EventStreamView
from videos.live import pages
from videos.live.handler import StreamResponse
from videos.live.hub import HUB, STREAMS_A_USER, Listener

DIGITS_MAX = 20  # more than NUMBER_MAX has; Python takes long to read thousands
BUSY_SECONDS = 30  # until a client of a full process should try again


class TicketInvalid(AuthenticationFailed):
    """The ticket is unknown, used or expired, or what it was issued for has ended."""

    default_code = "ticket_invalid"
    default_detail = "The ticket is unknown, used or expired. Get another one."


class TooManyStreams(LimitReached):
    """The user has as many streams as one may have."""

    code = "too_many_streams"
    message = f"You have {STREAMS_A_USER} streams of events. Close one."


class TooManyListeners(Unavailable):
    """The process has as many streams as it may have."""

    code = "too_many_listeners"
    message = "The server has as many streams of events as it can hold. Poll, or try again later."
    retry_after_seconds = BUSY_SECONDS


class TicketAuthentication(BaseAuthentication):
    """The user of the ticket in the URL."""

    def authenticate(self, request: Request) -> tuple[User, Grant] | None:
        """The user and the ticket's grant; None without a ticket. The ticket stays unused. Raises TicketInvalid."""
        text = request.query_params.get("ticket")
        if not text:
            return None
        grant = live_tickets.grant_of(text)
        if grant is None or grants.ended([grant]):
            raise TicketInvalid
        return USERS.get(user_id=grant.user_id, session_id=grant.session_id), grant

    def authenticate_header(self, request: Request) -> str:
        """For 401 in place of 403."""
        return "Bearer"


class Admission(EventStreamView):
    """Responds with a stream, or with the refusal."""

    authentication_classes = (TicketAuthentication, TokenAuthentication)

    def get(self, request: Request) -> HttpResponseBase:
        """Admit the client.

        Raises ValidationError, InvalidInput, TooManyStreams, TooManyListeners and TicketInvalid.
        """
        query = EventQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        grant = grant_of(request)
        if HUB.of_user(grant.user_id) >= STREAMS_A_USER:
            raise TooManyStreams
        if len(HUB) >= settings.LIVE_MAX_STREAMS:
            raise TooManyListeners
        after = _last_event_id(request)
        if after is None:
            after = query.validated_data.get("after")
        listener = Listener(
            grant=grant,
            owner_id=grant.user_id,
            origin=origin_of(request),
            position=pages.newest(grant.user_id) if after is None else after,
            job_id=query.validated_data.get("job_id"),
            look_id=query.validated_data.get("look_id"),
        )
        _use_ticket(request)
        return StreamResponse(listener)

    def handle_exception(self, exc: Exception) -> Response:
        response = super().handle_exception(exc)
        if isinstance(exc, TooManyListeners):
            mark_as_logged(response)  # the line of the request has its 503; an ERROR for each would say nothing more
        return response


def _use_ticket(request: Request) -> None:
    """Use up the ticket that a stream is opened with, if it is opened with one. Raises TicketInvalid."""
    has_ticket = isinstance(request.successful_authenticator, TicketAuthentication)
    opens_stream = request.method != "HEAD"
    if has_ticket and opens_stream and not live_tickets.redeem(request.query_params["ticket"]):
        raise TicketInvalid


def _last_event_id(request: Request) -> int | None:
    """The number in the header that an EventSource sends when it connects again. Raises InvalidInput."""
    text = request.headers.get("Last-Event-ID", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > DIGITS_MAX or int(text) > NUMBER_MAX:
        raise InvalidInput(errors={"Last-Event-ID": ["Must be the id of an event."]})
    return int(text)
