"""The ASGI application of the live process: Django responds in a thread, and streams follow on the event loop.

Django's own ASGI handler would keep the request, its context, two tasks and a temporary file for each request that
waits for a thread: 15 kB, when thousands of clients connect at once (docs/decisions/28-live.md).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.signals import request_started
from django.http import HttpResponse
from django.urls import set_script_prefix

from accounts.sign_in.api_keys import META_ID
from studio.http.base_path import PROBES
from videos.live import streams
from videos.live.bodies import has_body
from videos.live.hub import Listener
from videos.live.request_log import Line
from videos.live.threads import REQUESTS

HAS_WAITED = "studio.has_waited"  # in the scope of a request that has waited for a change

Scope = dict[str, Any]
Gone = asyncio.Future[Any]  # is done when the client has left
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class StreamResponse(HttpResponse):
    """The head of a stream of events."""

    def __init__(self, listener: Listener) -> None:
        super().__init__(content_type="text/event-stream")
        self.headers["X-Accel-Buffering"] = "no"  # nginx: send each event at once
        self.listener = listener


class WaitResponse(HttpResponse):
    """Is not sent: the request is repeated when the listener has a change, or after so many seconds."""

    def __init__(self, listener: Listener, *, seconds: float) -> None:
        super().__init__()
        self.listener, self.seconds = listener, seconds


class LiveHandler(ASGIHandler):
    """Serves StreamResponses and WaitResponses beside those of Django."""

    def load_middleware(self, is_async: bool = False) -> None:
        """Load the middleware for threads, whatever ASGIHandler asks for."""
        super().load_middleware()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, and log it. One with a body is refused unread."""
        line = Line(scope, send)
        try:
            if has_body(scope):
                await self._refuse_body(scope, line.send)
                return
            await receive()  # the empty body
            gone = asyncio.ensure_future(receive())
            try:
                listener = await self._respond(scope, gone, line.send)
                if listener:
                    await streams.send_events(listener, send)
            finally:
                gone.cancel()
        finally:
            line.write()

    async def _refuse_body(self, scope: Scope, send: Send) -> None:
        response = self._response(scope)  # of NoBodyMiddleware or one before it, so it needs no database
        response.headers["Connection"] = "close"
        await self.send_response(response, send)

    async def _respond(self, scope: Scope, gone: Gone, send: Send) -> Listener | None:
        """Send the response; of a stream, send the head and return the listener. Send nothing to a client that left."""
        response = await self._in_thread(scope, gone)
        if isinstance(response, WaitResponse):
            _end_when(gone, response.listener)
            await streams.wait_for_change(response.listener, seconds=response.seconds)
            response = await self._in_thread(scope | {HAS_WAITED: True}, gone)
        if isinstance(response, StreamResponse) and scope["method"] != "HEAD":
            _end_when(gone, response.listener)
            await self.send_response(response, _head_only(send))
            return response.listener
        if response is not None:
            await self.send_response(response, send)
        return None

    async def _in_thread(self, scope: Scope, gone: Gone) -> Any:
        """Django's response; None if the client leaves before."""
        if scope["path"] in PROBES:  # needs no database, and must not wait for requests that do
            return self._response(scope)
        response = REQUESTS.run(self._response, scope)
        await asyncio.wait({response, gone}, return_when=asyncio.FIRST_COMPLETED)
        if response.done():
            return response.result()
        response.cancel()
        return None

    def _response(self, scope: Scope) -> Any:
        """Django's response; the request's body, if any, is left out."""
        set_script_prefix(get_script_prefix(scope))
        request_started.send(sender=self.__class__, scope=scope)
        request, refused = self.create_request(scope, BytesIO())
        if request is None:
            return refused
        request.urlconf = settings.LIVE_URLCONF  # Django's hook
        response = self.get_response(request)
        scope[META_ID] = request.META.get(META_ID, "")  # for the request's line
        response.close()
        return response


def _end_when(gone: Gone, listener: Listener) -> None:
    gone.add_done_callback(lambda _: listener.end("client"))


def _head_only(send: Send) -> Send:
    async def send_head(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            await send(message)

    return send_head
