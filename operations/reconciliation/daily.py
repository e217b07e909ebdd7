"""Reconciles a bit at a time, in the sweeper: money first, files after, taken up where it was after any stop.

A day's run compares the money of all rows, in an hour at most. Then it asks the storage for the videos that are new,
and for as many others as there is time for; those take turns, so that in time all are asked for. Where it is, and what
it has found, is written down after every page; what a page has found is logged before, so a kill may repeat a line and
loses none. docs/decisions/18-reconciliation.md has the figures.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from zlib import crc32

from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.db.models import Q

from operations.reconciliation.comparison import MONEY_STEPS, mend, storage_failure, stray_file
from operations.reconciliation.lost_files import Pace, StorageFails, lost_files
from operations.reconciliation.mismatches import Mismatch
from operations.reconciliation.runs import LeaseLost, Run, claim
from operations.reconciliation.stray_files import stored_names, stray_names
from studio.media.storage import media_storage
from videos.models import VideoJob
from videos.phases import Phase

logger = logging.getLogger("operations.reconciliation")

MONEY_SECONDS = 3600  # a run; ten million jobs take a third of that (docs/decisions/18-reconciliation.md)
PAGE = 100  # videos between two notes of where it is: two seconds at the pace below
PER_SECOND = 50  # questions to a storage service; 90,000 in half an hour
NEW_SHARE = 2 / 3  # of the time for files; the rest is for those whose turn it is
OVERLAP = timedelta(hours=1)  # a video's row may be committed some seconds after the moment that it names
RETRY = timedelta(hours=1)  # after a storage that fails
STRAY_PARTS = 16  # a folder's names are compared in so many parts, one a day at least

GoOn = Callable[[], None]


def take_up(*, go_on: GoOn) -> None:
    """Continue today's run, or begin it; return when it is over, or has to wait for the storage, or is not due.

    `go_on` is called between two pages and while the storage is waited for, and may raise: the run is due again at
    once, from where it was. Of two processes one has the run.
    """
    run = claim()
    if run is None:
        return
    try:
        _money(run, go_on)
        if _files(run, go_on):
            run.finish()
            logger.info("reconciled", extra={"began_at": run.began_at, "found": run.found})
    except LeaseLost:
        logger.warning("reconciliation left to another process")
    except BaseException:
        run.hand_over()
        raise


def _money(run: Run, go_on: GoOn) -> None:
    """Compare balances, counts, charges and refunds; counts and copies of refunds are set right as well."""
    for name, find in MONEY_STEPS.items():
        while not run.is_done(name):
            go_on()
            began = time.monotonic()
            way = run.round(name)
            _, found = find(way)
            for mismatch in found:
                if mend(mismatch):
                    logger.warning("set right", extra={"kind": mismatch.kind, "sentence": mismatch.sentence})
                else:
                    run.note(mismatch)
            is_late = run.spend("money", time.monotonic() - began) > MONEY_SECONDS
            run.keep_round(name, way)
            run.save(name, is_done=way.is_over or is_late)
    run.end_money()


def _files(run: Run, go_on: GoOn) -> bool:
    """Ask for videos, new ones first, and look for stray files; False where the storage fails and has to wait."""
    pace = Pace(PER_SECOND)
    try:
        _until_late(run, "new", lambda: _new(run, pace, go_on), share=NEW_SHARE, go_on=go_on)
        _until_late(run, "sample", lambda: _sample(run, pace, go_on), share=1, go_on=go_on)
    except StorageFails as exc:
        run.note(Mismatch("storage", f"{exc} The rest is asked for in an hour."))
        if not run.is_old():
            run.wait(RETRY)
            return False
        for mismatch in exc.found:  # the next run passes over that page
            run.note(mismatch)
    _until_late(run, "strays", lambda: _strays(run, go_on), share=1, go_on=go_on)
    return True


def _until_late(run: Run, name: str, step: Callable[[], bool], *, share: float, go_on: GoOn) -> None:
    """Repeat the step until it says that it is over, or this share of the time for files has gone; once at least."""
    while not run.is_done(name):
        go_on()
        began = time.monotonic()
        is_over = step()
        seconds = run.spend("files", time.monotonic() - began)
        run.save(name, is_done=is_over or seconds >= settings.RECONCILE_FILES_MINUTES * 60 * share)


def _new(run: Run, pace: Pace, go_on: GoOn) -> bool:
    """Those that were stored since the last run, oldest first; whether that were all."""
    at, key = run.newest
    if run.is_first("new"):
        at, key = at - OVERLAP, ""
        run.begin_new(at)
    later = Q(completed_at__gt=at) | Q(completed_at=at, pk__gt=key) if key else Q()
    jobs = VideoJob.objects.filter(later, phase=Phase.SUCCEEDED, completed_at__gte=at).order_by("completed_at", "pk")
    page = list(jobs.values_list("pk", "video", "completed_at")[:PAGE])
    if run.is_old() and page:  # the last try; the next run's overlap begins behind this page
        run.keep_newest((page[-1][2] or at) + OVERLAP + timedelta(microseconds=1), "")
    _ask([(pk, video) for pk, video, _ in page], run, pace, go_on)
    for pk, _, completed_at in page[-1:]:
        at, key = completed_at or at, str(pk)
    run.keep_newest(at, key)
    return len(page) < PAGE


def _sample(run: Run, pace: Pace, go_on: GoOn) -> bool:
    """Those whose turn it is, but for those that this run has asked for as new ones; whether all have had theirs."""
    way = run.round("sample")
    jobs = VideoJob.objects.filter(phase=Phase.SUCCEEDED).values_list("pk", "video", "completed_at")
    page = [(pk, video) for pk, video, at in way.page(jobs, PAGE) if not run.was_asked_as_new(at, str(pk))]
    if run.is_old():  # the last try: eight names that never work must not hide all that come behind them
        run.keep_round("sample", way)
    _ask(page, run, pace, go_on)
    run.keep_round("sample", way)
    return way.is_over


def _ask(jobs: Sequence[tuple[object, ...]], run: Run, pace: Pace, go_on: GoOn) -> None:
    for mismatch in lost_files(jobs, pace=pace, go_on=go_on):
        run.note(mismatch)
    run.count_asked(len(jobs))


def _strays(run: Run, go_on: GoOn) -> bool:
    """Compare one part of the names in a folder of this machine; whether all parts have had their turn in this run.

    Not a service's, where listing costs calls that are counted: `manage.py reconcile` and an operator do that.
    """
    storage = media_storage()
    if not isinstance(storage, FileSystemStorage):
        return True
    part = run.take_stray_part(STRAY_PARTS)
    try:
        for name in stray_names(_part(stored_names(storage, go_on=go_on), part)):
            run.note(stray_file(name))
    except OSError as exc:
        run.note(storage_failure(exc))
    return run.stray_parts >= STRAY_PARTS


def _part(names: Iterator[str], number: int) -> Iterator[str]:
    return (name for name in names if crc32(name.encode()) % STRAY_PARTS == number)
