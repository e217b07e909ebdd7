"""Brings new events from the table to the listeners of this process.

One loop asks for the events after all listeners' positions at once, so a listener costs the database next to nothing,
and the table is all that has to work: no event is lost with a message (docs/decisions/28-live.md).
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError, InterfaceError

from accounts.sign_in import grants
from accounts.sign_in.grants import Grant
from videos.live import metrics, pages
from videos.live.pages import Frame, Page, Place
from videos.live.threads import EVENTS

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.1  # between two reads of the table
PAUSE_FACTOR = 2  # a pause is at least so many times as long as the read before it: a slow database is left alone
OUTAGE_SECONDS = 2.0  # between two reads while the database does not respond
GRANTS_SECONDS = 5.0  # between two checks of all listeners' accounts, sessions and keys
STREAMS_A_USER = 20  # in this process; a browser opens one for each tab


@dataclass(eq=False)
class Listener:
    """A stream, or a request that waits: its position, and the page that it has not taken yet."""

    grant: Grant
    owner_id: uuid.UUID
    origin: str
    position: int
    job_id: uuid.UUID | None = None
    look_id: uuid.UUID | None = None
    page: Page | None = None
    ended_by: str = ""  # one of videos.live.metrics.ENDS
    _waiting: "asyncio.Future[None] | None" = None

    @property
    def place(self) -> Place:
        """Where to read on."""
        return Place(self.owner_id, self.position, self.origin)

    def give(self, page: Page) -> None:
        """Hand over the next page."""
        self.page = page
        self._wake()

    def end(self, by: str) -> None:
        """Let the stream end, for the first of the reasons in `videos.live.metrics.ENDS`."""
        self.ended_by = self.ended_by or by
        self._wake()

    @property
    def is_over(self) -> bool:
        """Whether the stream has to end."""
        return bool(self.ended_by)

    async def next(self, *, within: float) -> Page | None:
        """The next page; None after so many seconds, or when the stream is over."""
        if not self.page and not self.is_over:
            loop = asyncio.get_running_loop()
            self._waiting = loop.create_future()  # an asyncio.Event with wait_for takes 3 kB more a stream
            timer = loop.call_later(within, self._wake)
            try:
                await self._waiting
            finally:
                timer.cancel()
        page, self.page = self.page, None
        if page:
            self.position = page.last
        return page

    def _wake(self) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(None)

    def wants(self, frame: Frame) -> bool:
        """Whether the event passes the filters. A deleted job has no looks any more, so it passes that filter."""
        if self.job_id and frame.job_id != self.job_id:
            return False
        return not self.look_id or frame.look_ids is None or str(self.look_id) in frame.look_ids


class Hub:
    """All listeners of the process."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None
        self._grants_due_at = 0.0
        self.is_stopping = False

    def __len__(self) -> int:
        return len(self._listeners)

    def of_user(self, user_id: uuid.UUID) -> int:
        """The number of the user's listeners."""
        return sum(listener.grant.user_id == user_id for listener in tuple(self._listeners))

    def has_room(self, user_id: uuid.UUID) -> bool:
        """Whether the process and the user may have one listener more."""
        return len(self) < settings.LIVE_MAX_STREAMS and self.of_user(user_id) < STREAMS_A_USER

    def add(self, listener: Listener) -> None:
        """Serve the listener until `remove`."""
        self._listeners.add(listener)
        if self.is_stopping:
            listener.end("stopped")
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._serve())

    def remove(self, listener: Listener) -> None:
        """Forget the listener."""
        self._listeners.discard(listener)

    def end_all(self) -> None:
        """Let all streams end, and those that begin later, because the process does."""
        self.is_stopping = True
        for listener in self._listeners:
            listener.end("stopped")

    async def _serve(self) -> None:
        while self._listeners:
            began_at = time.monotonic()
            works = await self._attempt(self._deliver)
            if began_at >= self._grants_due_at:
                self._grants_due_at = began_at + GRANTS_SECONDS
                works = await self._attempt(self._end_refused) and works
            if not works:
                await asyncio.sleep(OUTAGE_SECONDS)
            pause = max(POLL_SECONDS, PAUSE_FACTOR * (time.monotonic() - began_at))
            await asyncio.sleep(min(pause, OUTAGE_SECONDS))

    async def _attempt(self, step: Callable[[], Awaitable[None]]) -> bool:
        """Whether the step has succeeded; one that fails must not prevent the other."""
        try:
            await step()
        except (DatabaseError, InterfaceError) as exc:
            logger.warning("live.database_failed", extra={"reason": str(exc)})
            return False
        except Exception:  # the edge of a task, without which no stream would get anything
            logger.exception("live.crashed")
            return False
        return True

    async def _deliver(self) -> None:
        """Give their next page to the listeners that have taken the last one: a slow reader has one in memory."""
        ready: dict[Place, list[Listener]] = {}
        for listener in self._listeners:
            if listener.page is None:
                ready.setdefault(listener.place, []).append(listener)
        began_at = time.monotonic()
        found = await EVENTS.run(pages.read, ready.keys())
        metrics.READS.observe(time.monotonic() - began_at)
        for place, page in found.items():
            for listener in ready[place]:
                listener.give(page)

    async def _end_refused(self) -> None:
        ended = await EVENTS.run(grants.ended, {listener.grant for listener in self._listeners})
        for listener in self._listeners:
            if listener.grant in ended:
                listener.end("refused")


HUB = Hub()
