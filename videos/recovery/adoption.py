"""Continues a failed job from its operation, which the provider may have finished and billed."""

import logging
import uuid

from django.db import transaction
from django.db.models.functions import Now

from accounts import ledger
from accounts.models import User
from studio.backoffice import audit
from studio.errors import Conflict, InvalidInput, as_sent
from videos.creation import free_slots
from videos.engine import schedule
from videos.failures import ADOPTABLE
from videos.models import OPERATION_MAX, VideoJob, new_lease
from videos.phases import Phase
from videos.providers import operation_names
from videos.recovery.retry import was_retried

logger = logging.getLogger(__name__)


def adopt_operation(*, job_id: uuid.UUID, operation: str, actor: User | None) -> None:
    """Continue a failed job from its operation, where its failure is one of failures.ADOPTABLE.

    Refunded tokens stay with the owner: the failure was ours. `actor` is None at the server's console. Raises NotFound,
    InvalidInput for a name that the job's provider gives no operation, and Conflict for a job that
    failed otherwise or was retried, for an operation of another job, or while the owner has no free
    slot.
    """
    with transaction.atomic():
        job = VideoJob.objects.select_for_update().find(job_id)
        if job.phase != Phase.FAILED or job.error_code not in ADOPTABLE:
            raise Conflict(f"Only a job that failed as {' or '.join(sorted(ADOPTABLE))} can be adopted.")
        name = checked_name(operation, provider=job.provider)
        if holder := job_with(provider=job.provider, operation=name, besides=job_id):
            raise Conflict(f"Another job has this operation: {holder.pk}.")
        slot = require_free_slot(job)
        if was_retried(job):
            raise Conflict("This job was retried; its owner would get two videos.")
        VideoJob.objects.transition(
            job,
            Phase.GENERATING,
            operation=name,
            slot=slot,
            due_at=Now(),
            lease=new_lease(),
            started_at=Now(),  # polled for two days from now
            broken_result=None,  # the provider may have another file by now
            storage_refusal="",
            submit_attempts=schedule.NO_MORE_SUBMITS,  # another operation of this job may have been billed
        )
        job.log("The video service did accept the job; processing continues.")
        audit.record_action(job, "Adopt an operation", actor=actor, operation=name)
    logger.info("operation.adopted", extra={"job_id": job_id, "operation": name})


def checked_name(operation: str, *, provider: str) -> str:
    """An operation's name without surrounding blanks.

    Raises InvalidInput for a name of another provider or another kind: it becomes part of a request with our key.
    """
    name = operation.strip()
    if len(name) <= OPERATION_MAX and operation_names.is_own(provider=provider, operation=name):
        return name
    example = operation_names.example(provider=provider)
    if not example:
        raise InvalidInput(f"This release has no provider {as_sent(provider)}, so it cannot adopt its operations.")
    raise InvalidInput(f"No operation of {provider} has the name {as_sent(name)}; one is spelled like {example}.")


def job_with(*, provider: str, operation: str, besides: uuid.UUID | None = None) -> VideoJob | None:
    """A job with this operation of the provider, other than `besides`. No index serves this: it scans the table."""
    jobs = VideoJob.objects.filter(provider=provider, operation=operation).order_by()
    return (jobs.exclude(pk=besides) if besides else jobs).first()


def require_free_slot(job: VideoJob) -> int:
    """A slot for a job that continues; its owner's account stays locked. Raises Conflict when all are taken."""
    ledger.lock_account(user_id=job.owner_id)
    slots = free_slots(owner_id=job.owner_id)
    if not slots:
        raise Conflict("The owner has three unfinished jobs; try again when one has finished.")
    return slots[0]
