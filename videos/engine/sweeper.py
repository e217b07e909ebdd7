"""The one process that looks at every live job when it is due: it polls providers, and sends lost hints again.

Polls run side by side in one event loop, up to MAX_POLLS at once; the database is used from one thread. That a job goes
on is written down when it is taken for a look (videos.engine.quota); whatever else a look shows, at once.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Protocol

from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from redis.exceptions import RedisError

from studio.db.statements import Statement
from studio.observability import log
from videos.engine import generation, hints, log_context, quota, schedule
from videos.engine.pulse import Pulse
from videos.models import VideoJob, from_now
from videos.phases import LIVE, Phase
from videos.providers.base import VideoSpec

logger = logging.getLogger(__name__)

MAX_POLLS = 1000  # polls under way at once: as many as 5,000 jobs in flight need in a tick
BATCH = 500  # rows a tick and step
HEARTBEAT_SECONDS = 5  # between two signs of life
OUTAGE_SECONDS = 2  # between two tries while the database is away
END_SECONDS = 8  # for looks under way; with the time-out of a call (20) below the 30 that a process gets (deploy/)

Due = list[tuple[VideoJob, VideoSpec]]


class Background(Protocol):
    """What the process does beside polling, in threads of its own (`operations.housekeeping`)."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """Break off soon."""

    def wait(self) -> None:
        """Return when the work under way has ended, or is not worth waiting for."""


class Sweeper:
    """Runs until `stop` is called from the loop's thread; `background` starts and ends with it."""

    def __init__(self, background: Background) -> None:
        self._stopping = asyncio.Event()
        self._background = background
        self._looks: dict[Any, asyncio.Task[None]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")

    def stop(self) -> None:
        """End after the looks under way, or END_SECONDS: the others are due again. Background work is broken off."""
        self._stopping.set()
        self._background.stop()

    async def run(self) -> None:
        """Tick until stopped. A database that is away is waited for."""
        self._background.start()
        beating = asyncio.create_task(self._beat())
        while not self._stopping.is_set():
            pause = schedule.TICK
            try:
                await self._tick()
            except (DatabaseError, InterfaceError):
                logger.exception("sweep failed")
                pause = OUTAGE_SECONDS
            await self._pause(pause)
        if self._looks:
            await asyncio.wait(self._looks.values(), timeout=END_SECONDS)
        await beating
        await asyncio.to_thread(self._background.wait)
        await self._in_database(_hang_up)
        self._thread.shutdown()

    async def _beat(self) -> None:
        """Leave a sign of life, for those who watch."""
        while not self._stopping.is_set():
            try:
                await self._in_database(beat)
            except (DatabaseError, InterfaceError):  # its absence is the message
                logger.warning("no heartbeat")
            await self._pause(HEARTBEAT_SECONDS)

    async def _tick(self) -> None:
        """What is seldom to be done is done step by step, so that signs of life and results get in between."""
        due, looks = await self._in_database(take_stock, MAX_POLLS - len(self._looks))
        for job, request in looks:
            if job.pk not in self._looks:
                self._start_poll(job, request)
        for phase, (work, *arguments) in STEPS.items():
            if phase in due:
                await self._in_database(_step, work, *arguments)

    def _start_poll(self, job: VideoJob, request: VideoSpec) -> None:
        task = asyncio.create_task(self._look(job, request))
        self._looks[job.pk] = task
        task.add_done_callback(lambda _: self._looks.pop(job.pk, None))

    async def _look(self, job: VideoJob, request: VideoSpec) -> None:
        with log_context.step("poll", job):
            try:
                seen = await generation.look(job, request)
                if generation.is_news(job, seen):
                    await self._in_database(_apply, job, seen)
            except Exception:  # the edge of a task; the row is due again by itself
                logger.exception("look failed", extra={"job_id": job.pk})

    async def _in_database(self, work: Callable[..., Any], *args: Any) -> Any:
        """Run `work` in the database's thread, on a connection that is alive."""
        run = copy_context().run  # the context: what the lines of the log are about
        return await asyncio.get_running_loop().run_in_executor(self._thread, run, _on_live_connection, work, *args)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return


def take_stock(max_polls: int) -> tuple[set[str], Due]:
    """Find the phases with a job whose time has come, and take what shall be looked at.

    Raises DatabaseError and InterfaceError: then the database is away.
    """
    due = due_phases()
    looks = _step(claim_due_polls, max_polls) if Phase.GENERATING in due else None
    return due, looks or []


def _step(work: Callable[..., Any], *args: Any) -> Any:
    """What breaks one step must not keep the others from their jobs, unless the database is away."""
    try:
        return work(*args)
    except (DatabaseError, InterfaceError):
        raise
    except Exception:  # the edge of a step
        logger.exception("sweep step failed", extra={"step": work.__name__})


def due_phases() -> set[str]:
    """Those with a job whose time has come: one statement where usually there is nothing to do."""
    return {phase for (phase,) in _DUE_PHASES.rows()}


def claim_due_polls(limit: int) -> Due:
    """Jobs whose provider shall be asked now, and what it was asked for. Each is due again soon."""
    jobs = quota.take(limit=max(limit, 0))
    return [(job, generation.request_of(job, with_pictures=False)) for job in jobs]


_DUE_PHASES = Statement(lambda: VideoJob.objects.due(*LIVE).order_by().values_list("phase").distinct())


def send_hints_again(step: hints.Step, phase: Phase) -> None:
    """Send a hint for every job of the phase whose time has come, unless the workers are behind anyway."""
    jobs = list(VideoJob.objects.due(phase)[:BATCH])
    if not jobs:
        return
    try:
        if hints.is_crowded(step):
            return
    except RedisError as exc:
        logger.warning("no hints while Redis is away", extra={"step": step, "reason": str(exc)})
        return
    for job in jobs:
        if VideoJob.objects.update_fenced(job, due_at=from_now(schedule.REHINT)):
            with log.about(job_id=str(job.pk), request_id=job.request_id):
                hints.hint(step, str(job.pk))


def settle_lost_submits() -> None:
    """Decide about jobs whose submit step has died."""
    beat()  # before: a clock that has jumped makes a living one look dead
    for job in list(VideoJob.objects.due(Phase.SUBMITTING)[:BATCH]):
        with log_context.step("settle", job):
            try:
                generation.settle_lost_submit(job=job)
            except Exception:  # one odd row must not keep the others waiting
                logger.exception("lost submit not settled", extra={"job_id": job.pk})
                VideoJob.objects.update_fenced(job, due_at=from_now(schedule.LEASE))


# What is done about jobs of a phase whose time has come; those that generate are looked at.
STEPS: dict[Phase, tuple[Any, ...]] = {
    Phase.QUEUED: (send_hints_again, "submit", Phase.QUEUED),
    Phase.STORING: (send_hints_again, "transfer", Phase.STORING),
    Phase.SUBMITTING: (settle_lost_submits,),
}


def _apply(job: VideoJob, seen: Any) -> None:
    generation.apply_poll_result(job=job, seen=seen)


_pulse = Pulse()


def beat() -> None:
    """The sweeper's sign of life, by the database's clock."""
    _pulse.beat()


def _on_live_connection(work: Callable[..., Any], *args: Any) -> Any:
    close_old_connections()
    try:
        return work(*args)
    except (DatabaseError, InterfaceError):
        connection.close()  # the next try begins with a new one
        raise


def _hang_up() -> None:
    connection.close()  # the name means the calling thread's own
