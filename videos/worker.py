"""An RQ worker that runs its jobs in threads: `manage.py rqworker submit --worker-class videos.worker.ThreadWorker`.

A video's steps wait for the network; a process each, as RQ forks them, costs five times the CPU and all the memory.
The tasks themselves run as well on RQ's own forking worker.
"""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.db import close_old_connections
from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue
from rq.timeouts import TimerDeathPenalty
from rq.worker import SimpleWorker, Worker
from rq.worker.base import BaseWorker, WorkerStatus

from studio import counters, telemetry
from videos import tasks
from videos.providers import registry

logger = logging.getLogger(__name__)


class Preloaded(BaseWorker):
    """Loads the steps of its queues and the providers' SDKs before the first job, and before any fork."""

    def bootstrap(self, *args: Any, **kwargs: Any) -> None:
        """Load, then begin as RQ does."""
        registry.preload()
        tasks.preload(self.queue_names())
        telemetry.start(process="-".join(self.queue_names()))
        counters.start()
        super().bootstrap(*args, **kwargs)


class ForkWorker(Preloaded, Worker):
    """RQ's own worker, a process a job; for those who want that isolation."""

    def perform_job(self, *args: Any, **kwargs: Any) -> bool:
        """Run the job, in a process that ends without `atexit` after it."""
        try:
            return super().perform_job(*args, **kwargs)
        finally:
            counters.flush()
            telemetry.flush()


class ThreadWorker(Preloaded, SimpleWorker):
    """Takes a hint only when a thread is free for it, so that hints wait in Redis, where other workers see them."""

    death_penalty_class = TimerDeathPenalty  # RQ's own uses SIGALRM, which only the main thread gets

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        threads = max(settings.WORKER_THREADS[name] for name in self.queue_names())
        self._free = threading.Semaphore(threads)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="step")

    def dequeue_job_and_maintain_ttl(self, *args: Any, **kwargs: Any) -> tuple[Job, Queue] | None:
        """Wait for a free thread, then for a hint."""
        while not self._free.acquire(timeout=30):
            self.heartbeat()
        found = super().dequeue_job_and_maintain_ttl(*args, **kwargs)
        if found is None:
            self._free.release()
        return found

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Give the hint to a thread."""
        try:
            execution = self.prepare_execution(job)
        except BaseException:
            self._free.release()
            raise
        self._pool.submit(self._run, job, queue, execution)
        self.set_state(WorkerStatus.IDLE)  # a stop request need not wait for a hint to come

    def teardown(self) -> None:
        """Let every step that has begun end, then sign off: a paid call is never cut short by a stop request."""
        self._pool.shutdown(wait=True)
        super().teardown()  # type: ignore[no-untyped-call]  # RQ does not annotate it

    def _run(self, job: Job, queue: Queue, execution: Execution) -> None:
        close_old_connections()
        try:
            self.perform_job(job, queue, execution)
        except Exception:  # the edge of a thread: Redis went away under RQ's book-keeping; the step itself has run
            logger.exception("worker thread failed", extra={"rq_job": job.id})
        finally:
            close_old_connections()
            self._free.release()
