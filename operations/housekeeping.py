"""The sweeper's housekeeping, in threads beside its polls: `ROUNDS` has its kinds.

Each kind has its own thread: a storage that responds slowly must not keep files from being removed.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from accounts import tokens
from accounts.own_account import exports, former_addresses
from looks import idempotency as look_keys
from operations import account_tasks
from operations.reconciliation import daily
from operations.reconciliation.comparison import copy_refunds
from operations.retention import purge_daily
from studio.media.storage import disposal
from studio.media.storage.disposal import AT_ONCE
from studio.models import TaskState
from videos import idempotency as job_keys
from videos import retirements, suspension
from videos.engine import expectations, inputs
from videos.models import from_now
from videos.webhooks import dispatch, endpoints

logger = logging.getLogger(__name__)

ROUND_SECONDS = 10  # between two rounds
PROMPT_SECONDS = 1  # between two rounds of what a user waits for
DAILY = "daily"  # of the row whose `due_at` is when the daily tasks are due again
DEPLOY_OVERLAP = timedelta(minutes=5)  # how long a worker of the release before may still run
END_SECONDS = 2  # how long `wait` lets rounds finish: a storage that hangs would take minutes

Round = Callable[[threading.Event], None]


class Stopped(Exception):
    """The process is ending; the next one does the rest."""


class Housekeeping:
    """Runs a round of each kind every ten seconds; of account tasks and webhooks, every second.

    The threads are daemons, so that a storage that hangs does not keep the process alive; every round can be repeated.
    """

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(name, work), name=name, daemon=True)
            for name, work in ROUNDS.items()
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def _run(self, name: str, work: Round) -> None:
        while not self._stopping.is_set():
            try:
                work(self._stopping)
            except Stopped:
                logger.info("housekeeping.interrupted", extra={"what": name})
            except Exception:  # the edge of a thread; the rows are due again
                logger.exception("housekeeping.failed", extra={"what": name})
            finally:
                connection.close_if_unusable_or_obsolete()  # a new one each second would cost more than it frees
            self._stopping.wait(PROMPT_SECONDS if name in PROMPT else ROUND_SECONDS)
        connection.close()

    def stop(self) -> None:
        """Ask the rounds to end; each does before its next call to the storage, or its next page of a table."""
        self._stopping.set()

    def wait(self) -> None:
        """Return when the rounds have ended, after two seconds at most."""
        ends_at = time.monotonic() + END_SECONDS
        for thread in self._threads:
            thread.join(max(ends_at - time.monotonic(), 0))
        if behind := [thread.name for thread in self._threads if thread.is_alive()]:
            logger.warning("housekeeping.abandoned", extra={"what": behind})


def remove_files(stopping: threading.Event) -> None:
    """Remove files that are due; the rest stays due once the event is set."""
    # batch after batch: one a round would be five files a second, and a first purge would delay removals for days
    while disposal.sweep(is_stopped=stopping.is_set) and not stopping.is_set():
        pass


def run_housekeeping(stopping: threading.Event) -> None:
    """Refresh the expected durations, copy recent refunds to their jobs and, once a day, remove what has expired.

    Raises Stopped soon after the event is set; interrupted daily tasks are due again at once.
    """
    expectations.refresh()
    copy_refunds(failed_within=DEPLOY_OVERLAP)  # else the daily run would show owners their refund up to a day late
    TaskState.objects.get_or_create(name=DAILY, defaults={"due_at": from_now(AT_ONCE)})
    task = TaskState.objects.filter(name=DAILY)
    due = task.filter(due_at__lte=Now())
    # exists() first: on SQLite even an UPDATE without a row takes the only write lock
    if not due.exists() or not due.update(due_at=Now() + timedelta(days=1), updated_at=Now()):
        return
    try:
        _run_daily_tasks(_stop_check(stopping))
    except Stopped:
        task.update(due_at=from_now(AT_ONCE), updated_at=Now())
        raise


def _run_daily_tasks(check_stopped: Callable[[], None]) -> None:
    suspension.resume_available(check_stopped=check_stopped)
    retirements.log_warnings()
    tokens.ended_sessions(before=timezone.now()).delete()
    tokens.ended(before=timezone.now()).delete()
    look_keys.forget_old_keys()
    job_keys.forget_old_keys()
    exports.remove_expired()
    former_addresses.forget_expired()
    inputs.drop_old_inputs()
    endpoints.forget_previous_secrets()
    check_stopped()
    if settings.PURGE_DAILY:
        for rule, removed in purge_daily(check_stopped=check_stopped):
            logger.info("purge.finished", extra={"what": rule.what, "removed": removed})


def reconcile(stopping: threading.Event) -> None:
    """Continue the day's reconciliation. Raises Stopped soon after the event is set."""
    daily.resume_run(check_stopped=_stop_check(stopping))


def make_deliveries(stopping: threading.Event) -> None:
    """Make the deliveries of webhooks whose owners have new events; the workers send them."""
    dispatch.dispatch(is_stopped=stopping.is_set)


def _stop_check(stopping: threading.Event) -> Callable[[], None]:
    def check_stopped() -> None:
        if stopping.is_set():
            raise Stopped

    return check_stopped


ROUNDS: dict[str, Round] = {
    "removals": remove_files,
    "housekeeping": run_housekeeping,
    "reconciliation": reconcile,
    "mails": account_tasks.send_mails,
    "account-tasks": account_tasks.run_others,
    "webhooks": make_deliveries,
}
PROMPT = {"mails", "account-tasks", "webhooks"}  # every PROMPT_SECONDS
