"""Django's ASGI handler, which lets go of a request before its stream begins.

A stream lasts for hours. Django's own StreamingHttpResponse would keep the request, the response, two tasks and a
temporary file as long, 15 kB a stream (docs/decisions/28-live.md).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any

from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse

from studio.errors import TooLarge
from studio.http.responses import refusal

Message = dict[str, Any]


class StreamResponse(HttpResponse):
    """The head of a response whose body is made by `stream`, an asynchronous generator of bytes."""

    def __init__(self, stream: AsyncIterator[bytes], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stream = stream


class _Send:
    """The server's `send`, with the stream that follows once Django has returned."""

    def __init__(self, send: Callable[[Any], Awaitable[None]]) -> None:
        self._send = send
        self.stream: Any = None

    async def __call__(self, message: Any) -> None:
        if self.stream is None or message["type"] != "http.response.body":
            await self._send(message)


class StreamHandler(ASGIHandler):
    """Serves StreamResponses beside Django's own."""

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """Serve a request. One with a body is refused unread: Django would store it first, however large it is."""
        headers = dict(scope["headers"])
        if b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0":
            await super().send_response(refusal(413, TooLarge.code, "This process takes no bodies."), send)
            return
        handed_over = _Send(send)
        await super().__call__(scope, receive, handed_over)
        if handed_over.stream is not None:
            await _send_stream(handed_over.stream, receive, send)

    async def send_response(self, response: Any, send: Any) -> None:
        """Send the response; of a stream, only its head."""
        send.stream = getattr(response, "stream", None)
        await super().send_response(response, send)


async def _send_stream(stream: Any, receive: Any, send: Any) -> None:
    """Send the parts of the stream until it ends or the client has gone."""
    sending = asyncio.ensure_future(_send_parts(stream, send))
    gone = asyncio.ensure_future(receive())
    await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
    for task in (sending, gone):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _send_parts(stream: Any, send: Any) -> None:
    async with aclosing(stream):
        async for part in stream:
            await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})
