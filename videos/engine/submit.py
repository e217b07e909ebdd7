"""The submit step: hand a queued job to its provider, and store the outcome.

This is the one paid call. The step claims the row, calls the provider outside any transaction, and writes the outcome
under the fence of VideoJobQuerySet.transition. It may run twice and may die at any statement; the call is made at most
once.
"""

import logging
import time
from collections.abc import Callable
from copy import copy
from datetime import timedelta
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection, models, transaction
from django.db.models import F
from django.db.models.functions import Greatest, Now

from studio.db.statements import Param, SelectModels
from studio.db.storable_text import is_storable
from studio.media.storage.base import StorageError
from videos import suspension
from videos.engine import (
    accepted_operations,
    hints,
    log_context,
    metrics,
    outcomes,
    poll_times,
    progress,
    schedule,
)
from videos.engine.inputs import spec_of
from videos.failures import CANCELLED
from videos.models import OPERATION_MAX, DeletedJob, VideoJob, from_now, new_lease
from videos.phases import Phase
from videos.providers.base import (
    NotAccepted,
    Operation,
    OutcomeUnknown,
    ProbablyNotAccepted,
    Provider,
    ProviderError,
    Refused,
    VideoSpec,
)
from videos.providers.registry import UnknownProvider, provider

logger = logging.getLogger(__name__)
T = TypeVar("T")

OUTAGE_SECONDS = 30  # to wait for a database that is away; together with the call less than schedule.LEASE
RETRY_SECONDS = 0.5  # between two tries to store an outcome

_QUEUED = SelectModels(
    VideoJob,
    lambda: VideoJob.objects.claimable().filter(pk=Param("id", models.UUIDField()), phase=Phase.QUEUED).order_by(),
)


def submit(*, job_id: str) -> None:
    """Hand a queued job to its provider. Does nothing for a job that is not queued or not due."""
    for job in _QUEUED.all(id=job_id):
        with log_context.step("submit", job):
            _submit(job)


def _submit(job: VideoJob) -> None:
    first_poll = poll_times.first(provider=job.provider, model=job.model)  # before the paid call, not after it
    try:
        adapter = provider(job.provider)
        spec = spec_of(job)
        spec.read_images()  # before the claim: a slow storage must not eat into the lease
    except Exception as exc:  # nothing has been sent; the kind of failure decides whether to try again
        _defer(job, exc)
        return
    expiry = from_now(schedule.LEASE)
    if VideoJob.objects.claimable().transition(
        job,
        Phase.SUBMITTING,
        lease=new_lease(),
        lease_until=expiry,
        due_at=expiry,
        attempts=job.attempts,
        started_at=job.started_at or Now(),
    ):
        _call_provider(job, adapter, spec, first_poll)


def _defer(job: VideoJob, exc: Exception) -> None:
    """Retry a submit that could not begin, after a back-off; fail the job if a retry cannot help."""
    logger.warning("submit.deferred", extra={"job_id": job.pk}, exc_info=exc)
    # a provider of a newer release: one of its workers may start soon
    may_pass = isinstance(exc, UnknownProvider) or (isinstance(exc, StorageError) and exc.retryable)
    if may_pass and job.attempts < len(schedule.SUBMIT_BACKOFF):
        later = from_now(schedule.SUBMIT_BACKOFF[job.attempts])
        VideoJob.objects.claimable().update_fenced(job, attempts=F("attempts") + 1, lease_until=later, due_at=later)
        return
    outcomes.fail(job=job, code="input_missing" if isinstance(exc, OSError) else "internal_error", detail=repr(exc))


def _call_provider(job: VideoJob, adapter: Provider, spec: VideoSpec, first_poll: float) -> None:
    try:
        operation = adapter.start(spec)
    except NotAccepted as exc:
        metrics.count_submit(job, exc)
        _store_outcome(outcomes.retry_later, job, job.attempts, exc)
        _write_through_outage(outcomes.refund_cancelled, job)
    except ProbablyNotAccepted as exc:
        metrics.count_submit(job, exc)
        _store_outcome(outcomes.retry_in_doubt, job, exc)
    except ProviderError as exc:
        metrics.count_submit(job, exc)
        _store_outcome(outcomes.refuse, job, exc)
        if isinstance(exc, Refused):
            _write_through_outage(outcomes.refund_cancelled, job)
    except Exception as exc:  # the call may have been accepted and billed
        logger.exception("adapter.crashed", extra={"job_id": job.pk})
        unknown = OutcomeUnknown(repr(exc))
        metrics.count_submit(job, unknown)
        _store_outcome(outcomes.refuse, job, unknown)
    else:
        _accept(job, operation, first_poll)
        metrics.count_submit(job, None)
        suspension.count_acceptance(job=job)


def _accept(job: VideoJob, operation: Operation, first_poll: float) -> None:
    # Logged before it is stored: if this process dies in between, or the row is lost, it can still be adopted.
    logger.info("operation.accepted", extra=accepted_operations.facts_of(job, operation.name))
    if not (operation.name and is_storable(operation.name, length=OPERATION_MAX)):
        unknown = OutcomeUnknown(f"accepted under a name that cannot be stored: {operation.name!r}")
        _store_outcome(outcomes.refuse, job, unknown)
        return
    if not _store_outcome(_store_operation, job, operation, first_poll):  # deleted, cancelled, or given up as lost
        hints.ask_to_cancel(provider=job.provider, operation=operation.name)
        logger.warning("operation.dropped", extra={"job_id": job.pk, "operation": operation.name})
        _store_outcome(_count_dropped, job)


def _store_operation(job: VideoJob, operation: Operation, first_poll: float) -> bool:
    """Whether the row has the operation now, from this try or from an earlier one with an unconfirmed commit."""
    planned_at = F("started_at") + timedelta(seconds=first_poll)
    with transaction.atomic():
        moved = VideoJob.objects.transition(
            job,
            Phase.GENERATING,
            operation=operation.name,
            lease=job.lease,
            lease_until=None,
            due_at=Greatest(from_now(operation.first_poll_seconds), planned_at),
            progress_percentage=Greatest(F("progress_percentage"), progress.SUBMITTED),
            submit_attempts=job.attempts,
            lasting_refusals=0,
        )
        if moved:
            job.log("The video service has accepted the job.")
    return moved or VideoJob.objects.filter(pk=job.pk, lease=job.lease, operation=operation.name).exists()


def _count_dropped(job: VideoJob) -> None:
    """Count the cost of a job that was deleted or cancelled while its submit had no response.

    The provider generates it anyway.
    """
    cancelled = VideoJob.objects.filter(error_code__in=CANCELLED)
    with transaction.atomic():
        for rows in (DeletedJob.objects.all(), cancelled):
            if rows.filter(pk=job.pk, generated_at=None).update(generated_at=Now(), updated_at=Now()):
                metrics.count_cost(job)


def _store_outcome(write: Callable[..., T], job: VideoJob, *args: Any) -> T | None:
    """Store the outcome of a call that may have been paid for; waits for a database that is restarting.

    Returns None for an outcome that cannot be stored, and fails the job with the reason in `provider_reply`: as
    submission_unknown, unless the outcome is a sure refusal. Raises OperationalError and InterfaceError once the lease
    is about to run out.
    """
    try:
        return _write_through_outage(write, job, *args)
    except (OperationalError, InterfaceError):
        raise
    except Exception as exc:  # bad data, or a defect; only this process knows the outcome, so there is one try
        logger.exception("outcome.store_failed", extra={"job_id": job.pk})
        outcome = ", ".join(map(repr, args))
        detail = f"The outcome of the submit could not be stored ({exc!r}): {outcome}"
        refusal = next((arg for arg in args if isinstance(arg, NotAccepted | Refused)), None)
        code = refusal.code if refusal else "submission_unknown"
        _write_through_outage(
            lambda job: outcomes.fail(job=job, code=code, detail=detail, was_accepted=not refusal), job
        )
        return None


def _write_through_outage(write: Callable[..., T], job: VideoJob, *args: Any) -> T:
    deadline = time.monotonic() + OUTAGE_SECONDS
    while True:
        try:
            with transaction.atomic():
                return write(copy(job), *args)  # a copy: a try that failed half-way may have changed it
        except (OperationalError, InterfaceError) as exc:
            if time.monotonic() > deadline:
                raise
            logger.warning("outcome.store_delayed", extra={"job_id": job.pk, "reason": str(exc)})
            connection.close()
            time.sleep(RETRY_SECONDS)


def settle_lost_submit(*, job: VideoJob) -> None:
    """Settle a job whose submit step never reported back: repeat the submit only if that costs nothing."""
    if not provider(job.provider).start_is_free:
        outcomes.fail(job=job, code="submission_unknown", detail="the lease of the submit step ran out")
    elif VideoJob.objects.transition(job, Phase.QUEUED, due_at=Now()):
        logger.warning("submit.repeated", extra={"job_id": job.pk})
