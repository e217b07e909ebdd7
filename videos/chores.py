"""What the sweeper does beside polling: files that shall go and, once a day, what should agree and what is old."""

import logging
import threading
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from accounts import tokens
from studio.models import Heartbeat
from studio.storage import disposal
from videos import generation, outlook, suspension
from videos.idempotency import forget_old_keys
from videos.reconciliation import copy_refunds, reconcile, recount
from videos.retention import default_days, purge

logger = logging.getLogger(__name__)

CHORES_SECONDS = 10  # between two rounds
JUST_NOW = timedelta(minutes=5)  # a worker of the release before runs on for some minutes at most
END_SECONDS = 2  # what a round under way gets at the end: a storage that hangs would hold it up for minutes


class Stopped(Exception):
    """The process ends; the rest waits for the next one."""


class Chores(threading.Thread):
    """Rounds of chores in a thread of their own: a slow storage must hold up neither the polls nor the end.

    A daemon, so that the process ends without one that hangs in a storage's hands; every chore can be repeated.
    """

    def __init__(self) -> None:
        super().__init__(name="chores", daemon=True)
        self._stopping = threading.Event()

    def run(self) -> None:
        """A round every ten seconds."""
        while not self._stopping.is_set():
            try:
                do_chores(stopping=self._stopping)
            except Stopped:
                logger.info("chores broken off")
            except Exception:  # the edge of a thread; the rows are due again
                logger.exception("chores failed")
            finally:
                connection.close()
            self._stopping.wait(CHORES_SECONDS)

    def stop(self) -> None:
        """Break off between two calls to the storage."""
        self._stopping.set()

    def wait(self) -> None:
        """Return when the round under way has ended, or is not worth waiting for."""
        self.join(END_SECONDS)
        if self.is_alive():
            logger.warning("chores left behind")


def do_chores(*, stopping: threading.Event) -> None:
    """Remove files whose time has come, and show refunds of the release before.

    Once a day compare what should agree, and forget what has expired.

    Raises Stopped, soon after the event is set; what was broken off today is taken up at the next round.
    """
    disposal.sweep(is_stopped=stopping.is_set)
    copy_refunds(failed_within=JUST_NOW)  # else their owners would read for a day that the attempt cost them tokens
    yesterday = timezone.now() - timedelta(days=1)
    if Heartbeat.objects.filter(name="daily", beat_at__gt=yesterday).exists():
        return
    Heartbeat.objects.update_or_create(name="daily", defaults={"beat_at": Now()})
    try:
        _do_daily_chores(stopping)
    except Stopped:
        Heartbeat.objects.filter(name="daily").delete()
        raise


def _do_daily_chores(stopping: threading.Event) -> None:
    def go_on() -> None:
        if stopping.is_set():
            raise Stopped

    suspension.resume_what_lives(go_on=go_on)
    outlook.announce()
    tokens.ended(before=timezone.now()).delete()
    forget_old_keys()
    generation.drop_old_inputs()
    for mismatch in recount():
        logger.warning("jobs counted again", extra={"sentence": mismatch.sentence})
    for mismatch in copy_refunds():
        logger.warning("refund copied", extra={"sentence": mismatch.sentence})
    go_on()
    if settings.PURGE_DAILY:
        for rule, removed in purge(days=default_days(), go_on=go_on):
            logger.info("purged", extra={"what": rule.what, "removed": removed})
    reconcile(fix=False, go_on=go_on)
