"""The RQ worker of `manage.py rqworker` (settings.RQ): it runs jobs in threads, and without Redis too.

The steps of a video and the deliveries of webhooks wait for the network. RQ's own worker forks a process for each,
which costs five times the CPU and far more memory.

Hints name due rows at once. The worker finds those with a lost hint by scanning the table (videos.engine.unclaimed,
videos.webhooks.delivery). While Redis is away, it finds all there, and reconnects by itself.
"""

import logging
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq.exceptions import DequeueTimeout, StopRequested
from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue
from rq.timeouts import JobTimeoutException, TimerDeathPenalty
from rq.worker import SimpleWorker
from rq.worker.base import WorkerStatus

from studio.observability import counters, telemetry
from videos import tasks
from videos.engine import schedule
from videos.providers import registry
from videos.tasks import STEP_OF

logger = logging.getLogger(__name__)

HINT_SECONDS = 3  # that a call waits for a hint; short, to notice a hanging Redis
CALL_SECONDS = 5  # time-out of a call to Redis, that wait included
RECONNECT_SECONDS = 2  # between two tries while Redis is away
SCAN_END_SECONDS = 5  # for a running scan of the table when the process ends


class ListeningWorker(SimpleWorker):
    """Follows hints until a stop is requested. RQ's own worker ends when it loses Redis; this one reconnects."""

    _is_connected = True

    @classmethod
    def find_by_key(cls, *args: Any, **options: Any) -> Any:
        """Return RQ's own class, for lists of workers: this one needs queues, and changes the connection.

        The page /admin/rq/metrics lists workers by the class that the settings name.
        """
        return SimpleWorker.find_by_key(*args, **options)

    def work(self, *args: Any, **options: Any) -> bool:
        """Follow hints. Runs with an end of their own (`--burst`, `--max-jobs`, `--max-idle-time`) are left to RQ."""
        logging_level = options.get("logging_level")
        if args or any(value for name, value in options.items() if name != "logging_level"):
            return super().work(*args, **options)
        with suppress(StopRequested):
            try:
                self._install_signal_handlers()  # type: ignore[no-untyped-call]  # RQ does not annotate it
                self._listen_until_stopped(logging_level)
            finally:
                self.teardown()
        return True

    def _listen_until_stopped(self, logging_level: str | None) -> None:
        while not self._stop_requested:
            try:
                self._listen(logging_level)
            except RedisError as exc:
                if self._is_connected:
                    logger.warning("redis.lost", extra={"reason": str(exc)})
                self._is_connected = False
                time.sleep(RECONNECT_SECONDS)

    def _listen(self, logging_level: str | None) -> None:
        """Register, and follow hints. Raises RedisError."""
        if self.birth_date:  # Redis may still have the registration from before the outage
            self.connection.delete(self.key)
        self.bootstrap(logging_level)
        if not self._is_connected:
            logger.info("redis.recovered")
        self._is_connected = True
        while not self._stop_requested:
            self.check_for_suspension(burst=False)
            if self.should_run_maintenance_tasks:
                self.run_maintenance_tasks()  # type: ignore[no-untyped-call]  # RQ does not annotate it
            with suppress(DequeueTimeout):
                found = self.dequeue()
                if found:
                    self.execute_job(*found)

    def dequeue(self) -> tuple[Job, Queue] | None:
        """The next hint. Raises DequeueTimeout, and RedisError, after which RQ's own method would wait for ever."""
        self.heartbeat()
        found = self.queue_class.dequeue_any(
            self._ordered_queues,
            self.dequeue_timeout,
            connection=self.connection,
            job_class=self.job_class,
            serializer=self.serializer,
            death_penalty_class=self.death_penalty_class,
        )
        if found:
            found[0].redis_server_version = self.get_redis_server_version()  # type: ignore[no-untyped-call]  # RQ does not annotate it
        return found

    @property
    def dequeue_timeout(self) -> int:
        """Seconds that a call waits for a hint."""
        return HINT_SECONDS

    def teardown(self) -> None:
        """Deregister, unless Redis is away; then the registration expires."""
        if self._is_connected:
            with suppress(RedisError):
                self.register_death()  # type: ignore[no-untyped-call]  # RQ does not annotate it

    def subscribe(self) -> None:
        """Do nothing: RQ's commands to workers kill a job's process, and threads have none."""

    def unsubscribe(self) -> None:
        """Do nothing."""

    def bootstrap(self, *args: Any, **kwargs: Any) -> None:
        """Register with the address that Redis sees. Raises RedisError."""
        super()._set_ip_address(self.connection)
        super().bootstrap(*args, **kwargs)

    def _set_ip_address(self, connection: Any) -> None:
        self.ip_address = "unknown"  # until `bootstrap`: a worker can start while Redis is away

    def _set_connection(self, connection: Any) -> Any:
        # no retries: a thread would wait for them, and the table has the jobs of lost hints
        connection.set_retry(Retry(NoBackoff(), 0))
        connection.connection_pool.connection_kwargs["socket_timeout"] = CALL_SECONDS
        return connection


class ThreadWorker(ListeningWorker):
    """Takes a hint only when a thread is free for it, so that hints wait in Redis, where other workers see them."""

    death_penalty_class = TimerDeathPenalty  # RQ's own uses SIGALRM, which only the main thread gets

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._threads = max(settings.WORKER_THREADS[name] for name in self.queue_names())
        self._free = threading.Semaphore(self._threads)
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="step")
        self._ending = threading.Event()
        self._scanner = threading.Thread(target=self._scan_until_stopped, name="table", daemon=True)

    def work(self, *args: Any, **options: Any) -> bool:
        """Import the steps of its queues and the providers' SDKs before the first job, then follow hints."""
        if set(self.queue_names()) - {"webhooks"}:
            registry.preload()
        tasks.preload(self.queue_names())
        telemetry.start(process="-".join(self.queue_names()))
        counters.start()
        return super().work(*args, **options)

    def _listen_until_stopped(self, logging_level: str | None) -> None:
        self._scanner.start()
        super()._listen_until_stopped(logging_level)

    def dequeue(self) -> tuple[Job, Queue] | None:
        """Wait for a free thread, then for a hint. Meanwhile a job from the table may get the thread."""
        self._wait_for_thread()
        self._free.release()
        found = super().dequeue()
        if found:
            self._wait_for_thread()
        return found

    def dequeue_job_and_maintain_ttl(self, *args: Any, **kwargs: Any) -> tuple[Job, Queue] | None:
        """Wait likewise in RQ's own loop."""
        self._wait_for_thread()
        found = super().dequeue_job_and_maintain_ttl(*args, **kwargs)
        if found is None:
            self._free.release()
        return found

    def _wait_for_thread(self) -> None:
        while not self._free.acquire(timeout=30):
            self.heartbeat()

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run the hint's step in a thread."""
        try:
            execution = self.prepare_execution(job)
        except BaseException:
            self._state = WorkerStatus.IDLE
            self._free.release()
            raise
        self._pool.submit(self._run_hint, job, queue, execution)
        self.set_state(WorkerStatus.IDLE)  # a stop request need not wait for a hint

    def teardown(self) -> None:
        """Wait for the running steps, then deregister: a stop request never interrupts a paid call."""
        self._ending.set()
        if self._scanner.is_alive():
            self._scanner.join(SCAN_END_SECONDS)
        self._pool.shutdown(wait=True)
        super().teardown()

    def _run_hint(self, job: Job, queue: Queue, execution: Execution) -> None:
        close_old_connections()
        try:
            self.perform_job(job, queue, execution)
        except RedisError as exc:  # in RQ's own bookkeeping; if the step has not run, a scan finds the job
            logger.warning("hint.interrupted", extra={"rq_job": job.id, "reason": str(exc)})
        except Exception:  # the edge of a thread
            logger.exception("worker.crashed", extra={"rq_job": job.id})
        finally:
            self.executions.pop(execution.id, None)
            close_old_connections()
            self._free.release()

    def _scan_until_stopped(self) -> None:
        """Scan the table until the process ends, at random intervals, so that workers do not scan in step."""
        while not self._ending.wait(schedule.SCAN_EVERY * random.uniform(0.5, 1.5)):  # noqa: S311 - no secret
            try:
                close_old_connections()
                for queue in self.queues:
                    self._take_from_table(queue)
            except (DatabaseError, InterfaceError) as exc:
                logger.warning("scan.failed", extra={"reason": str(exc)})
                connection.close()
            except Exception:  # the edge of a thread, without which no scan would run
                logger.exception("scan.crashed")
        connection.close()

    def _take_from_table(self, queue: Queue) -> None:
        """Run jobs whose hint has had no effect in the free threads. Raises DatabaseError and InterfaceError."""
        if self.get_state() == WorkerStatus.SUSPENDED:  # `rq suspend`
            return
        reserved = sum(self._free.acquire(blocking=False) for _ in range(self._threads))
        begun = 0
        try:
            ids = tasks.take(queue.name, limit=reserved) if reserved else []
            for row_id in ids:
                self._pool.submit(self._run_step, queue, row_id)
                begun += 1
        finally:
            if reserved > begun:
                self._free.release(reserved - begun)

    def _run_step(self, queue: Queue, row_id: str) -> None:
        """Run the step that a hint would have started, within its time limit."""
        step = STEP_OF[queue.name]
        close_old_connections()
        try:
            limit: Any = self.death_penalty_class
            with limit(queue._default_timeout, JobTimeoutException, job_id=row_id):  # noqa: SLF001 - RQ has no public name
                getattr(tasks, step)(row_id)
        except Exception:  # the edge of a thread; the row says what happens next
            logger.exception("step.crashed", extra={"step": step, "row_id": row_id})
        finally:
            close_old_connections()
            self._free.release()
