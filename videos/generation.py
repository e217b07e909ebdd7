"""The steps of a job up to the finished file at the provider: submit, poll, and what to do when a step was lost.

Every step reads the row, claims it, calls the provider outside any transaction, and writes the outcome under the fence
of VideoJobQuerySet.advance. A step may run twice and may die at any statement. The paid call is made at most once.
"""

import logging
import time
from copy import copy

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from accounts import ledger
from studio.storage import disposal, media_storage
from videos import schedule
from videos.failures import FAILURES, is_refunded
from videos.models import JobInput, JobLog, VideoJob, from_now, new_lease
from videos.phases import Phase
from videos.providers.base import (
    Finished,
    Image,
    NotAccepted,
    Operation,
    Progress,
    ProviderError,
    Request,
)
from videos.providers.registry import provider
from videos.queue import hint

logger = logging.getLogger(__name__)

SUBMITTED, GENERATED = 5, 90  # percent shown when the provider has accepted, and when it is done
STORE_PATIENCE_SECONDS = 30  # for a database that is away when an answer is to be stored; with the call below the lease
STORE_PAUSE_SECONDS = 0.5  # between two tries
EXPECTED_SECONDS = 60  # a usual generation, to estimate progress where the provider tells none


def request_of(job: VideoJob) -> Request:
    """What the provider is asked for, with the job's pictures."""
    images: dict[str, list[Image]] = {role: [] for role in JobInput.Role}
    for row in job.inputs.order_by("role", "position"):
        images[row.role].append(Image(media_storage(), row.file_name, row.content_type))
    return Request(
        job_id=str(job.pk),
        model=job.upstream_model,
        prompt=job.prompt,
        resolution=job.resolution,
        aspect_ratio=job.aspect_ratio,
        duration_seconds=job.duration_seconds,
        generate_audio=job.generate_audio,
        first_frame=next(iter(images[JobInput.Role.FIRST_FRAME]), None),
        last_frame=next(iter(images[JobInput.Role.LAST_FRAME]), None),
        references=tuple(images[JobInput.Role.REFERENCE]),
        attempt=job.attempts,
    )


def submit(*, job_id: str) -> None:
    """Hand a queued job to its provider: the one paid call. Does nothing for a job that is not queued or not due."""
    job = VideoJob.objects.filter(pk=job_id, phase=Phase.QUEUED).first()
    if job is None:
        return
    request = request_of(job)
    try:
        request.read_images()  # before the claim: a slow storage must not eat into the lease
    except Exception as exc:  # a storage backend raises what its vendor raises
        logger.warning("input not readable", extra={"job_id": job.pk}, exc_info=True)
        fail(job=job, code="input_missing", detail=str(exc))
        return
    adapter = provider(job.provider)
    claimable = VideoJob.objects.filter(Q(lease_until=None) | Q(lease_until__lte=Now()))
    expiry = from_now(schedule.LEASE)
    attempts = job.attempts
    if not claimable.advance(
        job,
        Phase.SUBMITTING,
        lease=new_lease(),
        lease_until=expiry,
        due_at=expiry,
        attempts=attempts,
        started_at=job.started_at or Now(),
    ):
        return
    try:
        operation = adapter.start(request)
    except NotAccepted as exc:
        _try_again(job, attempts, exc)
    except ProviderError as exc:
        fail(job=job, code=exc.code, detail=str(exc))
    except Exception as exc:  # nothing is known about the call, so nothing may be assumed
        logger.exception("provider adapter failed in start", extra={"job_id": job.pk})
        fail(job=job, code="submission_unknown", detail=repr(exc))
    else:
        _accepted(job, operation)


def _accepted(job: VideoJob, operation: Operation) -> None:
    # Logged before it is stored: if this process dies in between, the name can still be found and adopted.
    logger.info("operation accepted", extra={"job_id": job.pk, "operation": operation.name})
    deadline = time.monotonic() + STORE_PATIENCE_SECONDS
    while True:
        try:
            is_stored = _store_operation(copy(job), operation)
        except (OperationalError, InterfaceError) as exc:  # the database is restarting; what was paid for waits for it
            if time.monotonic() > deadline:
                raise
            logger.warning("operation not stored yet", extra={"job_id": job.pk, "reason": str(exc)})
            connection.close()
            time.sleep(STORE_PAUSE_SECONDS)
        else:
            break
    if not is_stored:  # deleted meanwhile, or given up as lost
        logger.warning("operation dropped", extra={"job_id": job.pk, "operation": operation.name})


def _store_operation(job: VideoJob, operation: Operation) -> bool:
    """Whether the row has the operation now; a try before may have written it, and not have heard so."""
    with transaction.atomic():
        moved = VideoJob.objects.advance(
            job,
            Phase.GENERATING,
            operation=operation.name,
            lease=job.lease,
            lease_until=None,
            due_at=from_now(operation.first_look_seconds),
            progress_percentage=SUBMITTED,
        )
        if moved:
            job.log("The video service has accepted the job.")
    return moved or VideoJob.objects.filter(pk=job.pk, lease=job.lease, operation=operation.name).exists()


def _try_again(job: VideoJob, attempts: int, exc: NotAccepted) -> None:
    """Back to the queue after a back-off; after the last one the job fails."""
    if attempts >= len(schedule.SUBMIT_BACKOFF):
        fail(job=job, code=exc.code, detail=str(exc))
        return
    later = from_now(schedule.SUBMIT_BACKOFF[attempts])
    logger.warning("not accepted", extra={"job_id": job.pk, "attempts": attempts + 1, "reason": str(exc)})
    with transaction.atomic():
        if VideoJob.objects.advance(job, Phase.QUEUED, attempts=attempts + 1, lease_until=later, due_at=later):
            job.log("The video service is busy; trying again shortly.", level=JobLog.Level.WARNING)


def settle_lost_submit(*, job: VideoJob) -> None:
    """Decide about a job whose submit step never reported back: sent again only where that costs nothing."""
    if not provider(job.provider).start_is_free:
        fail(job=job, code="submission_unknown", detail="the lease of the submit step ran out")
    elif VideoJob.objects.advance(job, Phase.QUEUED, due_at=Now()):
        logger.warning("free submit tried again", extra={"job_id": job.pk})


async def look(job: VideoJob, request: Request) -> Progress | Finished | ProviderError:
    """Ask the provider about a generating job; its failure is an answer, too."""
    try:
        return await provider(job.provider).poll(job.operation, request)
    except ProviderError as exc:
        return exc


def apply_look(*, job: VideoJob, seen: Progress | Finished | ProviderError) -> None:
    """Write down what a look has shown."""
    if isinstance(seen, Finished):
        _finished(job, seen)
    elif isinstance(seen, Progress):
        _progressed(job, seen)
    elif seen.retryable:
        _not_seen(job, seen)
    else:
        fail(job=job, code=seen.code, detail=str(seen))


def _finished(job: VideoJob, seen: Finished) -> None:
    with transaction.atomic():
        if VideoJob.objects.advance(
            job,
            Phase.STORING,
            result=seen.result,
            due_at=from_now(schedule.REHINT),
            generated_at=Now(),
            progress_percentage=GENERATED,
        ):
            job.log("The video is made; storing it.")
            hint("transfer", str(job.pk))


def _progressed(job: VideoJob, seen: Progress) -> None:
    elapsed = _elapsed(job)
    if elapsed > schedule.POLL_GIVE_UP:
        fail(job=job, code="generation_timeout", detail="not done within two days")
        return
    share = seen.percentage / 100 if seen.percentage is not None else 1 - 0.5 ** (elapsed / EXPECTED_SECONDS)
    due_at = from_now(seen.next_look_seconds or schedule.poll_interval(elapsed, failures=0))
    percentage = SUBMITTED + int((GENERATED - 1 - SUBMITTED) * share)
    VideoJob.objects.show_progress(job, percentage, due_at=due_at, attempts=0)


def _not_seen(job: VideoJob, seen: ProviderError) -> None:
    elapsed = _elapsed(job)
    if elapsed > schedule.POLL_GIVE_UP:
        fail(job=job, code="generation_timeout", detail=str(seen))
        return
    logger.warning("look failed", extra={"job_id": job.pk, "attempts": job.attempts + 1, "reason": str(seen)})
    due_at = from_now(schedule.poll_interval(elapsed, failures=job.attempts + 1))
    VideoJob.objects.touch(job, due_at=due_at, attempts=F("attempts") + 1, provider_reply=str(seen))


def _elapsed(job: VideoJob) -> float:
    """Seconds since the job was handed over."""
    return time.time() - (job.started_at or timezone.now()).timestamp()


def fail(*, job: VideoJob, code: str, detail: str = "") -> bool:
    """End a job with a failure: slot freed, pictures given up, tokens back where the policy says so, all at once.

    False when another process has moved the job meanwhile. `detail` is for logs and staff.
    """
    failure = FAILURES[code]
    with transaction.atomic():
        if not VideoJob.objects.advance(
            job, Phase.FAILED, error_code=code, error_message=failure.message, provider_reply=detail[:10_000]
        ):
            return False
        job.log(failure.message, level=JobLog.Level.ERROR)
        drop_inputs(job=job)
        if is_refunded(code, policy=settings.REFUND_POLICY):
            refund(job=job, note=f"video job failed: {code}")
    logger.info("video failed", extra={"job_id": job.pk, "failure_code": code, "reason": detail[:500]})
    return True


def refund(*, job: VideoJob, note: str) -> None:
    """Give back what the job was charged, once."""
    tokens = ledger.refund(user_id=job.owner_id, job_id=job.pk, note=note)
    if tokens:
        job.log(f"{tokens} tokens were given back.")


def drop_inputs(*, job: VideoJob) -> None:
    """Give up the pictures of a job that is finished."""
    disposal.dispose(job.inputs.values_list("file_name", flat=True))
    job.inputs.all().delete()
