"""uvicorn with what streams need: no reader is waited for, and a stop ends all streams."""

import asyncio
import gc
import logging
import signal
import socket
from types import FrameType
from typing import Any

import uvicorn
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.db.models.functions import Now
from uvicorn.protocols.http.h11_impl import H11Protocol

from studio.models import Heartbeat
from videos.live.handler import LiveHandler
from videos.live.hub import HUB
from videos.live.threads import REQUESTS

logger = logging.getLogger(__name__)

NAME = "live"
BEAT_SECONDS = 10.0
HEAD_SECONDS = 10.0  # for the head of a request
SLOW_SECONDS = 10.0  # that a client may leave unread what no buffer takes any more
ACK_MILLISECONDS = 30_000  # until a client that has vanished counts as gone; Linux
MORE_CONNECTIONS = 1_000  # than streams: requests that wait, and clients that are refused
STOP_SECONDS = 5  # for streams to end


class Connection(H11Protocol):
    """Closes the connection of a client that sends no request or reads too slowly, so that nothing is kept for it."""

    _abort: asyncio.TimerHandle | None = None
    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._time_head()
        sock = transport.get_extra_info("socket")
        if sock.family != socket.AF_UNIX and hasattr(socket, "TCP_USER_TIMEOUT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, ACK_MILLISECONDS)

    def pause_writing(self) -> None:
        """The buffers are full: give the client some seconds."""
        super().pause_writing()
        self._abort = self.loop.call_later(SLOW_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._keep()

    def connection_lost(self, exc: Exception | None) -> None:
        self._keep()
        self._forget_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._time_head()

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: any client may ask for a WebSocket, and gets the response without one."""

    def _time_head(self) -> None:
        """Give the client some seconds for its first head, and for each that it has begun later.

        Between two requests, uvicorn closes an idle connection after five seconds.
        """
        if not self._is_idle:
            self._forget_head()
        elif self._head is None:
            self._head = self.loop.call_later(HEAD_SECONDS, self._close_if_idle)

    def _forget_head(self) -> None:
        if self._head:
            self._head.cancel()
            self._head = None

    def _close_if_idle(self) -> None:
        self._head = None
        if self._is_idle:
            self.transport.abort()

    @property
    def _is_idle(self) -> bool:
        cycle: Any = self.cycle  # None until there is a request, whatever its annotation says
        return cycle is None or bool(cycle.response_complete)

    def _keep(self) -> None:
        if self._abort:
            self._abort.cancel()
            self._abort = None


class Server(uvicorn.Server):
    """Ends all streams at a stop, and shows that it runs."""

    async def main_loop(self) -> None:
        beat = asyncio.create_task(_beat())
        try:
            await super().main_loop()
        finally:
            beat.cancel()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop. Uvicorn's own method would note the signal, and raise it again after the stop: a death by signal."""
        self.force_exit |= self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        HUB.end_all()
        await super().shutdown(sockets)


def serve() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings.MIDDLEWARE = settings.LIVE_MIDDLEWARE
    gc.collect()
    gc.freeze()  # as in the web process: collections skip the objects of the start
    logger.info("live.started", extra={"port": settings.LIVE_PORT})
    server(LiveHandler(), host=settings.HOST, port=settings.LIVE_PORT).run()
    logger.info("live.stopped")


def server(application: LiveHandler, *, host: str, port: int) -> Server:
    """A server of the application."""
    return Server(
        uvicorn.Config(
            application,
            host=host,
            port=port,
            http=Connection,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,  # settings.TRUST_PROXY decides
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
            limit_concurrency=settings.LIVE_MAX_STREAMS + MORE_CONNECTIONS,
        )
    )


async def _beat() -> None:
    while True:
        try:
            await REQUESTS.run(_write_heartbeat)
        except (DatabaseError, InterfaceError) as exc:
            logger.warning("live.database_failed", extra={"reason": str(exc)})
        await asyncio.sleep(BEAT_SECONDS)


def _write_heartbeat() -> None:
    Heartbeat.objects.update_or_create(name=NAME, defaults={"beat_at": Now()})
