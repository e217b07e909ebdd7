"""The sweeper process: polls providers about generating jobs, and takes over when a job's worker dies.

Polls run side by side in one event loop, up to MAX_POLLS at once; the database is used from one thread. Claiming a job
for polling also writes "still running" (videos.engine.quota); any other result is stored as soon as it comes.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Protocol

from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from redis.exceptions import RedisError

from studio.db.statements import Statement
from studio.observability import log
from videos.engine import hints, log_context, poll, quota, schedule
from videos.engine.heartbeat import SweeperHeartbeat
from videos.engine.inputs import spec_of
from videos.engine.submit import settle_lost_submit
from videos.models import VideoJob, from_now
from videos.phases import LIVE, Phase
from videos.providers.base import VideoSpec

logger = logging.getLogger(__name__)

MAX_POLLS = 1000  # running at once; enough for 5,000 jobs in flight
BATCH = 500  # rows a tick and step
HEARTBEAT_SECONDS = 5
OUTAGE_SECONDS = 2  # between two tries while the database is away
END_SECONDS = 8  # for running polls; with the time-out of a call (20) below the 30 that a process gets (deploy/)

Polls = list[tuple[VideoJob, VideoSpec]]
beat = SweeperHeartbeat().beat


class Background(Protocol):
    """Work beside polling, in its own threads (`operations.housekeeping`)."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """Ask the work to end soon."""

    def wait(self) -> None:
        """Return when the running work has ended, or takes too long."""


class Sweeper:
    """Runs until `stop` is called from the loop's thread; `background` starts and ends with it."""

    def __init__(self, background: Background) -> None:
        self._stopping = asyncio.Event()
        self._background = background
        self._polls: dict[Any, asyncio.Task[None]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")

    def stop(self) -> None:
        """End after the running polls, or END_SECONDS; the other jobs stay due. Background work is interrupted."""
        self._stopping.set()
        self._background.stop()

    async def run(self) -> None:
        """Tick until stopped. Waits for a database that is away."""
        self._background.start()
        beating = asyncio.create_task(self._beat())
        while not self._stopping.is_set():
            pause = tick_pause()
            try:
                await self._tick()
            except (DatabaseError, InterfaceError):
                logger.exception("sweep.failed")
                pause = OUTAGE_SECONDS
            await self._pause(pause)
        if self._polls:
            await asyncio.wait(self._polls.values(), timeout=END_SECONDS)
        await beating
        await asyncio.to_thread(self._background.wait)
        await self._in_database(_close_connection)
        self._thread.shutdown()

    async def _beat(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._in_database(beat)
            except (DatabaseError, InterfaceError):  # health checks notice the missing heartbeat
                logger.warning("heartbeat.failed")
            await self._pause(HEARTBEAT_SECONDS)

    async def _tick(self) -> None:
        """Start the due polls, then run the other steps one by one, so that heartbeats and results get in between."""
        due, polls = await self._in_database(find_due_work, MAX_POLLS - len(self._polls))
        for job, spec in polls:
            if job.pk not in self._polls:
                self._start_poll(job, spec)
        for phase, (work, *arguments) in STEPS.items():
            if phase in due:
                await self._in_database(_run_step, work, *arguments)

    def _start_poll(self, job: VideoJob, spec: VideoSpec) -> None:
        task = asyncio.create_task(self._poll(job, spec))
        self._polls[job.pk] = task
        task.add_done_callback(lambda _: self._polls.pop(job.pk, None))

    async def _poll(self, job: VideoJob, spec: VideoSpec) -> None:
        with log_context.step("poll", job):
            try:
                result = await poll.poll(job, spec)
                if poll.is_news(job, result):
                    await self._in_database(lambda: poll.apply_poll_result(job=job, result=result))
            except Exception:  # the edge of a task; the row is due again by itself
                logger.exception("poll.crashed", extra={"job_id": job.pk})

    async def _in_database(self, work: Callable[..., Any], *args: Any) -> Any:
        """Run `work` in the database's thread, on a live connection, with the log context of the caller."""
        run = copy_context().run
        return await asyncio.get_running_loop().run_in_executor(self._thread, run, _on_live_connection, work, *args)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return


def tick_pause() -> float:
    """Seconds to the next tick: TICK, a half more or less.

    At a fixed pause, a sweeper that ticks shortly after another one would find next to nothing to poll, each time.
    """
    return schedule.TICK * random.uniform(0.5, 1.5)  # noqa: S311 - no secret


def find_due_work(max_polls: int) -> tuple[set[str], Polls]:
    """The phases with due jobs, and the jobs claimed for polling.

    Raises DatabaseError and InterfaceError while the database is away.
    """
    due = due_phases()
    polls = _run_step(claim_due_polls, max_polls) if Phase.GENERATING in due else None
    return due, polls or []


def _run_step(work: Callable[..., Any], *args: Any) -> Any:
    """Run a step whose defect must not stop the other steps. Raises DatabaseError and InterfaceError."""
    try:
        return work(*args)
    except (DatabaseError, InterfaceError):
        raise
    except Exception:  # the edge of a step
        logger.exception("sweep.step_failed", extra={"step": work.__name__})


def due_phases() -> set[str]:
    """The phases with due jobs, in one statement: usually there are none."""
    return {phase for (phase,) in _DUE_PHASES.rows()}


def claim_due_polls(limit: int) -> Polls:
    """Claim jobs for polling now; each is due again soon (videos.engine.quota)."""
    return [(job, spec_of(job, with_pictures=False)) for job in quota.claim_polls(limit=max(limit, 0))]


_DUE_PHASES = Statement(lambda: VideoJob.objects.due(*LIVE).order_by().values_list("phase").distinct())


def resend_hints(step: hints.Step, phase: Phase) -> None:
    """Send a hint for every due job of the phase, unless the workers have enough of them."""
    jobs = list(VideoJob.objects.due(phase)[:BATCH])
    if not jobs:
        return
    try:
        if hints.is_crowded(step):
            return
    except RedisError as exc:
        logger.warning("hint.skipped", extra={"step": step, "reason": str(exc)})
        return
    for job in jobs:
        if VideoJob.objects.update_fenced(job, due_at=from_now(schedule.REHINT)):
            with log.context(job_id=str(job.pk), request_id=job.request_id):
                hints.hint(step, str(job.pk))


def settle_lost_submits() -> None:
    """Retry or fail the jobs whose worker died during the submit; its lease has run out."""
    beat()  # first: after a jump of the clock, a running submit appears dead
    for job in list(VideoJob.objects.due(Phase.SUBMITTING)[:BATCH]):
        with log_context.step("settle", job):
            try:
                settle_lost_submit(job=job)
            except Exception:  # one odd row must not keep the others waiting
                logger.exception("submit.settle_failed", extra={"job_id": job.pk})
                VideoJob.objects.update_fenced(job, due_at=from_now(schedule.LEASE))


# The step to run for due jobs of each phase, with its arguments. GENERATING jobs are polled instead.
STEPS: dict[Phase, tuple[Any, ...]] = {
    Phase.QUEUED: (resend_hints, "submit", Phase.QUEUED),
    Phase.STORING: (resend_hints, "transfer", Phase.STORING),
    Phase.SUBMITTING: (settle_lost_submits,),
}


def _on_live_connection(work: Callable[..., Any], *args: Any) -> Any:
    close_old_connections()
    try:
        return work(*args)
    except (DatabaseError, InterfaceError):
        connection.close()  # the next try begins with a new one
        raise


def _close_connection() -> None:
    connection.close()  # `connection` is the calling thread's own
