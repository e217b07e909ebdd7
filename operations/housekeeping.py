"""What the sweeper does beside polling: files that shall go, what is old and, a bit at a time, what should agree.

Each kind has a thread of its own: a storage that answers slowly must not keep files from being removed.
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
from operations.reconciliation import daily
from operations.reconciliation.comparison import copy_refunds
from operations.retention import purge_daily
from studio.media.storage import disposal
from studio.models import Heartbeat
from videos import retirements, suspension
from videos.engine import inputs
from videos.idempotency import forget_old_keys

logger = logging.getLogger(__name__)

ROUND_SECONDS = 10  # between two rounds
JUST_NOW = timedelta(minutes=5)  # a worker of the release before runs on for some minutes at most
END_SECONDS = 2  # what rounds under way get at the end: a storage that hangs would hold it up for minutes

Round = Callable[[threading.Event], None]


class Stopped(Exception):
    """The process ends; the rest waits for the next one."""


class Housekeeping:
    """Rounds of every kind in threads: a slow storage must hold up neither the polls nor the end.

    Daemons, so that the process ends without one that hangs in a storage's hands; every round can be repeated.
    """

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(name, work), name=name, daemon=True)
            for name, work in ROUNDS.items()
        ]

    def start(self) -> None:
        """Begin; a round of each kind every ten seconds."""
        for thread in self._threads:
            thread.start()

    def _run(self, name: str, work: Round) -> None:
        while not self._stopping.is_set():
            try:
                work(self._stopping)
            except Stopped:
                logger.info("round broken off", extra={"what": name})
            except Exception:  # the edge of a thread; the rows are due again
                logger.exception("round failed", extra={"what": name})
            finally:
                connection.close()
            self._stopping.wait(ROUND_SECONDS)

    def stop(self) -> None:
        """Break off between two calls to the storage, or two pages of a table."""
        self._stopping.set()

    def wait(self) -> None:
        """Return when the rounds under way have ended, or are not worth waiting for."""
        ends_at = time.monotonic() + END_SECONDS
        for thread in self._threads:
            thread.join(max(ends_at - time.monotonic(), 0))
        if behind := [thread.name for thread in self._threads if thread.is_alive()]:
            logger.warning("rounds left behind", extra={"what": behind})


def remove_files(stopping: threading.Event) -> None:
    """Remove files whose time has come; what is left when the event is set stays due."""
    # a batch a round were five files a second: the first purge of old videos would hold up other removals for days
    while disposal.sweep(is_stopped=stopping.is_set) and not stopping.is_set():
        pass


def keep_house(stopping: threading.Event) -> None:
    """Show refunds of the release before and, once a day, forget what has expired.

    Raises Stopped, soon after the event is set; what was broken off today is taken up at the next round.
    """
    copy_refunds(failed_within=JUST_NOW)  # else their owners would read for a day that the attempt cost them tokens
    yesterday = timezone.now() - timedelta(days=1)
    if Heartbeat.objects.filter(name="daily", beat_at__gt=yesterday).exists():
        return
    Heartbeat.objects.update_or_create(name="daily", defaults={"beat_at": Now()})
    try:
        _do_daily(_go_on(stopping))
    except Stopped:
        Heartbeat.objects.filter(name="daily").delete()
        raise


def _do_daily(go_on: Callable[[], None]) -> None:
    suspension.resume_available(check_stopped=go_on)
    retirements.log_warnings()
    tokens.ended(before=timezone.now()).delete()
    forget_old_keys()
    inputs.drop_old_inputs()
    go_on()
    if settings.PURGE_DAILY:
        for rule, removed in purge_daily(go_on=go_on):
            logger.info("purged", extra={"what": rule.what, "removed": removed})


def compare(stopping: threading.Event) -> None:
    """Continue the day's reconciliation. Raises Stopped, soon after the event is set."""
    daily.take_up(go_on=_go_on(stopping))


def _go_on(stopping: threading.Event) -> Callable[[], None]:
    def go_on() -> None:
        if stopping.is_set():
            raise Stopped

    return go_on


ROUNDS: dict[str, Round] = {"removals": remove_files, "housekeeping": keep_house, "reconciliation": compare}
