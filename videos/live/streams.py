"""What a client of the live process waits for: a stream of events, or the next change of a job."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from videos.live import metrics
from videos.live.hub import HUB, Listener
from videos.live.pages import Page

PING_SECONDS = 15  # between two pings; proxies close silent connections after 30 to 60
# An EventSource hides comments: the event lets a page notice a stream that hangs. It has no id: it is not in the table.
PING = b":\nevent: ping\ndata: {}\n\n"
RETRY_MILLISECONDS = 2_000  # until an EventSource connects again


async def send_events(listener: Listener, send: Callable[[Mapping[str, Any]], Awaitable[None]]) -> None:
    """Send the body of a stream until the listener is ended."""
    HUB.add(listener)
    metrics.OPENED.add()
    try:
        # with the position: a client that is cut off before the first event continues there
        await send(_part(b"retry: %d\n%s" % (RETRY_MILLISECONDS, _position(listener))))
        ping_at = time.monotonic() + PING_SECONDS
        while not listener.is_over:
            page = await listener.next(within=ping_at - time.monotonic())
            if page:
                await send(_part(_text(listener, page)))
            if time.monotonic() >= ping_at:  # also after positions, which an EventSource hides as well
                await send(_part(PING))
                ping_at = time.monotonic() + PING_SECONDS
    finally:  # before the client sees the end: it may open another stream at once
        HUB.remove(listener)
        metrics.ENDED.add(listener.ended_by or "client")
    await send({"type": "http.response.body"})


async def wait_for_change(listener: Listener, *, seconds: float) -> None:
    """Return when the listener's job has changed, the time is up, or the listener is ended."""
    metrics.WAITS.add()
    ends_at = time.monotonic() + seconds
    HUB.add(listener)
    try:
        while not listener.is_over and (left := ends_at - time.monotonic()) > 0:
            page = await listener.next(within=left)
            if page and (page.is_reset or any(map(listener.wants, page.frames))):
                return
    finally:
        HUB.remove(listener)


def _part(text: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": text, "more_body": True}


def _position(listener: Listener) -> bytes:
    """Sets the client's Last-Event-ID, without an event: those that filters left out need not be read again."""
    return b"id: %d\n\n" % listener.position


def _text(listener: Listener, page: Page) -> bytes:
    if page.is_reset:
        return b"id: %d\nevent: reset\ndata: {}\n\n" % page.last
    wanted = [frame.text for frame in page.frames if listener.wants(frame)]
    metrics.EVENTS.add(amount=len(wanted))
    return b"".join(wanted) or _position(listener)
