"""The daily reconciliation, run by the sweeper in pages: money first, then files. It resumes after any stop.

A day's run compares the money of all rows, in an hour at most. Then it checks that the storage has the new videos, and
as many old ones as time allows; old ones take turns. Position and findings are saved after every page, and findings
logged before that, so a kill may repeat a log line but loses none. docs/decisions/18-reconciliation.md has the figures.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from zlib import crc32

from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.db.models import Q

from operations.reconciliation.comparison import MONEY_STEPS, fix_mismatch, storage_failure, stray_file
from operations.reconciliation.lost_files import Pace, StorageFails, lost_files
from operations.reconciliation.mismatches import Mismatch
from operations.reconciliation.runs import LeaseLost, Run, claim
from operations.reconciliation.stray_files import stored_names, stray_names
from studio.media.storage import media_storage
from videos.models import VideoJob
from videos.phases import Phase

logger = logging.getLogger("operations.reconciliation")

MONEY_SECONDS = 3600  # per run; ten million jobs take a third of that (docs/decisions/18-reconciliation.md)
PAGE = 100  # videos between two saves: two seconds at the pace below
PER_SECOND = 50  # requests to a storage service; 90,000 in half an hour
NEW_SHARE = 2 / 3  # of the time for files; the rest is for old videos
OVERLAP = timedelta(hours=1)  # a row may be committed some seconds after its completed_at
RETRY = timedelta(hours=1)  # when the storage fails
STRAY_PARTS = 16  # a folder's names are compared in so many parts, at least one a day

StopCheck = Callable[[], None]


def resume_run(*, check_stopped: StopCheck) -> None:
    """Continue today's run, or begin it; return when it is over, waits for the storage, or is not due.

    `check_stopped` is called between two pages and while the storage responds. If it raises, the run is due again at
    once, from its last save. Only one process has the run.
    """
    run = claim()
    if run is None:
        return
    try:
        _money(run, check_stopped)
        if _files(run, check_stopped):
            run.finish()
            logger.info("reconciliation.finished", extra={"began_at": run.began_at, "found": run.found})
    except LeaseLost:
        logger.warning("reconciliation.lease_lost")
    except BaseException:
        run.hand_over()
        raise


def _money(run: Run, check_stopped: StopCheck) -> None:
    """Compare balances, counts, charges and refunds; fix counts and copies of refunds."""
    for name, find in MONEY_STEPS.items():
        while not run.is_done(name):
            check_stopped()
            began = time.monotonic()
            walk = run.walk(name)
            _, found = find(walk)
            for mismatch in found:
                if fix_mismatch(mismatch):
                    logger.warning("mismatch.fixed", extra={"kind": mismatch.kind, "sentence": mismatch.sentence})
                else:
                    run.note(mismatch)
            is_late = run.spend("money", time.monotonic() - began) > MONEY_SECONDS
            run.set_walk(name, walk)
            run.save(name, is_done=walk.is_over or is_late)
    run.end_money()


def _files(run: Run, check_stopped: StopCheck) -> bool:
    """Check videos, new ones first, then find stray files; False if the storage fails and the run has to wait."""
    pace = Pace(PER_SECOND)
    try:
        _until_late(run, "new", lambda: _new(run, pace, check_stopped), share=NEW_SHARE, check_stopped=check_stopped)
        _until_late(run, "sample", lambda: _sample(run, pace, check_stopped), share=1, check_stopped=check_stopped)
    except StorageFails as exc:
        run.note(Mismatch("storage", f"{exc} The rest is checked in an hour."))
        if not run.is_old():
            run.wait(RETRY)
            return False
        for mismatch in exc.found:  # the next run skips that page
            run.note(mismatch)
    _until_late(run, "strays", lambda: _strays(run, check_stopped), share=1, check_stopped=check_stopped)
    return True


def _until_late(run: Run, name: str, step: Callable[[], bool], *, share: float, check_stopped: StopCheck) -> None:
    """Repeat the step until it is over, or this share of the time for files is spent; at least once."""
    while not run.is_done(name):
        check_stopped()
        began = time.monotonic()
        is_over = step()
        seconds = run.spend("files", time.monotonic() - began)
        run.save(name, is_done=is_over or seconds >= settings.RECONCILE_FILES_MINUTES * 60 * share)


def _new(run: Run, pace: Pace, check_stopped: StopCheck) -> bool:
    """Check a page of videos stored since the last run, oldest first; return whether it was the last."""
    at, key = run.newest
    if run.is_first("new"):
        at, key = at - OVERLAP, ""
        run.begin_new(at)
    later = Q(completed_at__gt=at) | Q(completed_at=at, pk__gt=key) if key else Q()
    jobs = VideoJob.objects.filter(later, phase=Phase.SUCCEEDED, completed_at__gte=at).order_by("completed_at", "pk")
    page = list(jobs.values_list("pk", "video", "completed_at")[:PAGE])
    if run.is_old() and page:  # the last attempt; the next run's overlap begins after this page
        run.set_newest((page[-1][2] or at) + OVERLAP + timedelta(microseconds=1), "")
    _check([(pk, video) for pk, video, _ in page], run, pace, check_stopped)
    for pk, _, completed_at in page[-1:]:
        at, key = completed_at or at, str(pk)
    run.set_newest(at, key)
    return len(page) < PAGE


def _sample(run: Run, pace: Pace, check_stopped: StopCheck) -> bool:
    """Check a page of old videos, without those checked as new in this run; return whether the walk is over."""
    walk = run.walk("sample")
    jobs = VideoJob.objects.filter(phase=Phase.SUCCEEDED).values_list("pk", "video", "completed_at")
    page = [(pk, video) for pk, video, at in walk.page(jobs, PAGE) if not run.was_checked_as_new(at, str(pk))]
    if run.is_old():  # the last attempt: eight names that always fail must not hide all that follow
        run.set_walk("sample", walk)
    _check(page, run, pace, check_stopped)
    run.set_walk("sample", walk)
    return walk.is_over


def _check(jobs: Sequence[tuple[object, ...]], run: Run, pace: Pace, check_stopped: StopCheck) -> None:
    for mismatch in lost_files(jobs, pace=pace, check_stopped=check_stopped):
        run.note(mismatch)
    run.count_checked(len(jobs))


def _strays(run: Run, check_stopped: StopCheck) -> bool:
    """Compare one part of the names in a folder of this machine; return whether this run has done all parts.

    A storage service is left to `manage.py reconcile` and an operator: its calls for listing are limited.
    """
    storage = media_storage()
    if not isinstance(storage, FileSystemStorage):
        return True
    part = run.take_stray_part(STRAY_PARTS)
    try:
        for name in stray_names(_part(stored_names(storage, check_stopped=check_stopped), part)):
            run.note(stray_file(name))
    except OSError as exc:
        run.note(storage_failure(exc))
    return run.stray_parts >= STRAY_PARTS


def _part(names: Iterator[str], number: int) -> Iterator[str]:
    return (name for name in names if crc32(name.encode()) % STRAY_PARTS == number)
