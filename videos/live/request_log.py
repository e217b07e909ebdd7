"""Logs each response of the live process, as gunicorn does those of the web process (gunicorn.conf.py)."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from accounts.sign_in import api_keys
from studio.observability import log

logger = logging.getLogger(__name__)

Message = Mapping[str, Any]


class Line:
    """A request's line. It omits the query, which may have a ticket, the client IP, and headers but X-Request-ID."""

    __slots__ = ("began_at", "request_id", "scope", "send_on", "status")

    def __init__(self, scope: Mapping[str, Any], send: Callable[[Message], Awaitable[None]]) -> None:
        self.scope, self.send_on = scope, send
        self.began_at = time.monotonic()
        self.status, self.request_id = 0, ""

    async def send(self, message: Message) -> None:
        """Send the ASGI message, and note what the line needs of it."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.request_id = dict(message["headers"]).get(b"X-Request-ID", b"").decode("latin-1")
        await self.send_on(message)

    def write(self) -> None:
        """Write the line, unless the client has left before there was a response; of a stream, when it has ended."""
        if not self.status:
            return
        facts = {
            "method": self.scope["method"],
            "path": self.scope["raw_path"].decode("latin-1"),  # as sent: a decoded one can contain any character
            "status": self.status,
            "milliseconds": round((time.monotonic() - self.began_at) * 1000),
        }
        with log.context(api_key_id=self.scope.get(api_keys.META_ID, "")):
            logger.info("request.finished", extra=facts | {"request_id": self.request_id})
