"""Cancels live jobs: their slots are free at once, their records stay, and a provider that can stop is asked to.

A process that works on the job finds at its next write that the job has moved (`VideoJobQuerySet.transition`), and
drops its result. What the provider has accepted may be billed to us all the same.
"""

import logging
import uuid

from django.db import transaction

from accounts.models import User
from studio.backoffice import audit
from studio.errors import Conflict
from videos.engine import hints, metrics, outcomes
from videos.failures import CANCELLED
from videos.models import VideoJob
from videos.phases import LIVE, Phase
from videos.providers.base import Cancelling, ProviderError
from videos.providers.registry import provider

logger = logging.getLogger(__name__)


class AlreadyFinished(Conflict):
    """The job has succeeded, or failed for another reason."""

    code = "already_finished"
    message = "This video job is finished and cannot be cancelled."


def cancel(*, job_id: uuid.UUID, actor: User) -> None:
    """Cancel a live job as its owner or an admin; a repeat changes nothing.

    The tokens come back if nothing was sent to a provider yet, as for a deletion, else by REFUND_POLICY. Raises
    NotFound and AlreadyFinished.
    """
    with transaction.atomic():
        job = VideoJob.objects.select_for_update().find(job_id)
        if job.error_code in CANCELLED:
            return
        if job.phase not in LIVE:
            raise AlreadyFinished
        phase, tokens = job.phase, 0
        if phase == Phase.QUEUED:
            tokens = outcomes.refund(job=job, note="video job cancelled before it was started")
        stop(job=job, code="cancelled", detail="Cancelled by its owner" if actor.pk == job.owner_id else "Cancelled")
        if actor.pk != job.owner_id:
            audit.record_action(job, "Cancel", actor=actor, tokens=tokens)
    logger.info("job.cancelled", extra={"job_id": job_id, "phase": phase, "tokens": tokens})


def stop(*, job: VideoJob, code: str, detail: str) -> None:
    """Fail a locked, live job with one of failures.CANCELLED, and have its provider asked to stop.

    The provider is assumed to bill what it has accepted. While a submit has no response, the step itself counts the
    cost later (`videos.engine.submit`).
    """
    is_running = job.phase == Phase.GENERATING
    if is_running:
        metrics.count_cost(job)
        hints.ask_to_cancel(provider=job.provider, operation=job.operation)
    outcomes.fail(job=job, code=code, detail=detail, was_accepted=job.phase != Phase.QUEUED, is_made=is_running)


def ask_provider(*, provider_name: str, operation: str) -> None:
    """Ask the provider once to cancel the operation; a refusal is only logged."""
    adapter: Cancelling = provider(provider_name)  # type: ignore[assignment]  # registry.CANCELLING says so
    try:
        adapter.cancel(operation)
    except ProviderError as exc:
        logger.warning("operation.not_cancelled", extra={"operation": operation, "reason": str(exc)})
    else:
        logger.info("operation.cancelled", extra={"operation": operation})
