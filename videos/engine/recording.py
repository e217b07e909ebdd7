"""Writes down what a call to a provider has brought: through outages, and where it is no data.

An outage passes, and is waited for. Whatever else keeps an outcome from being stored is about the outcome itself, and
would be there again at the next try: so tries are counted, and the last one ends the job with the reason.
"""

import logging
import time
from collections.abc import Callable
from copy import copy
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F

from videos.engine import outcomes, progress, schedule
from videos.models import VideoJob, from_now
from videos.providers.base import NotAccepted, Refused

logger = logging.getLogger(__name__)
T = TypeVar("T")

OUTAGE = (OperationalError, InterfaceError)
PATIENCE_SECONDS = 30  # for a database that is away when an answer is to be stored; with the call below the lease
PAUSE_SECONDS = 0.5  # between two tries


def insist(write: Callable[..., T], job: VideoJob, *args: Any) -> T | None:
    """Write down what a submit that may have been paid for has brought, also while the database restarts.

    None where it cannot be stored at all: then the job has ended, and staff reads why; as submission_unknown, unless
    the answer is a sure refusal. Raises what an outage raises, once the lease is about to run out.
    """
    try:
        return _patiently(write, job, *args)
    except OUTAGE:
        raise
    except Exception as exc:  # the data, or a defect; the answer is in this process alone, so there is one try
        logger.exception("outcome not stored", extra={"job_id": job.pk})
        said = ", ".join(map(repr, args))
        _patiently(_end, job, args, f"What came of the submit could not be stored ({exc!r}): {said}")
        return None


def _end(job: VideoJob, answer: tuple[Any, ...], detail: str) -> None:
    refusals = [said for said in answer if isinstance(said, NotAccepted | Refused)]
    code = refusals[0].code if refusals else "submission_unknown"
    outcomes.fail(job=job, code=code, detail=detail, was_accepted=not refusals)


def _patiently(write: Callable[..., T], job: VideoJob, *args: Any) -> T:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with transaction.atomic():
                return write(copy(job), *args)  # a copy: a try that failed half-way may have changed it
        except OUTAGE as exc:
            if time.monotonic() > deadline:
                raise
            logger.warning("outcome not stored yet", extra={"job_id": job.pk, "reason": str(exc)})
            connection.close()
            time.sleep(PAUSE_SECONDS)


def store_poll_result(write: Callable[..., None], job: VideoJob, seen: Any, *, is_made: bool) -> None:
    """Write down what a look has shown; what cannot be stored backs off, and after the last try the job fails.

    `is_made`: the provider has made and billed the video. Raises what an outage raises: the look is repeated then.
    """
    try:
        with transaction.atomic():
            write(copy(job), seen)
    except OUTAGE:
        raise
    except Exception as exc:  # the data, or a defect: the next look would most likely end so, too
        logger.exception("outcome not stored", extra={"job_id": job.pk, "store_tries": job.store_tries + 1})
        _not_stored(job, f"What the provider says could not be stored ({exc!r}): {seen!r}", is_made=is_made)


def _not_stored(job: VideoJob, detail: str, *, is_made: bool) -> None:
    tries = job.store_tries + 1
    if tries >= schedule.STORE_TRIES:
        outcomes.fail(job=job, code="result_unreadable", detail=detail, is_made=is_made)
        return
    due_at = from_now(schedule.poll_interval(progress.elapsed(job), failures=tries))
    reply = outcomes.for_staff(detail)
    VideoJob.objects.update_fenced(job, due_at=due_at, store_tries=F("store_tries") + 1, provider_reply=reply)
