"""Takes up a failed job again from its operation, which the provider may have finished and billed."""

import logging
import uuid

from django.db import transaction
from django.db.models.functions import Now

from accounts import ledger
from accounts.models import JOB_SLOTS, User
from studio import audit
from studio.errors import Conflict, InvalidInput, NotFound
from videos import schedule
from videos.failures import ADOPTABLE
from videos.idempotency import is_spent, retry_key
from videos.models import OPERATION_MAX, VideoJob, new_lease
from videos.phases import Phase

logger = logging.getLogger(__name__)


def adopt_operation(*, job_id: uuid.UUID, operation: str, actor: User | None) -> None:
    """Continue a failed job from its operation, where its failure is one of failures.ADOPTABLE.

    Tokens that were returned for the failure stay with the owner: the failure was ours. `actor` is the person who
    adopts it, None at the server's console. Raises NotFound, InvalidInput for a name that no operation has, and
    Conflict for a job that failed otherwise or was made again within the last day, for an operation that another job
    has, or while the owner has no free slot.
    """
    name = checked_name(operation)
    with transaction.atomic():
        job = VideoJob.objects.select_for_update().filter(pk=job_id).first()
        if job is None:
            raise NotFound("There is no such video job.")
        if job.phase != Phase.FAILED or job.error_code not in ADOPTABLE:
            raise Conflict(f"Only a job that failed as {' or '.join(sorted(ADOPTABLE))} can be taken up again.")
        holder = VideoJob.objects.filter(provider=job.provider, operation=name).exclude(pk=job_id).first()
        if holder:
            raise Conflict(f"Another job has this operation: {holder.pk}.")
        slot = free_slot(job)
        if is_spent(owner_id=job.owner_id, key=retry_key(job_id=job.pk)):
            raise Conflict("This job was made again within the last day; its owner would get two videos.")
        VideoJob.objects.advance(
            job,
            Phase.GENERATING,
            operation=name,
            slot=slot,
            due_at=Now(),
            lease=new_lease(),
            started_at=Now(),  # the provider has two days for it from here on
            broken_result=None,  # the provider may have another file by now
            storage_refusal="",
            submit_attempts=schedule.NO_MORE_SUBMITS,  # another operation of this job may have been billed
        )
        job.log("The video service has the job after all; processing continues.")
        audit.record_action(job, "Adopt an operation", actor=actor, operation=name)
    logger.info("operation adopted", extra={"job_id": job_id, "operation": name})


def checked_name(operation: str) -> str:
    """An operation's name without blanks around it. Raises InvalidInput for what is none."""
    name = operation.strip()
    if not name or len(name) > OPERATION_MAX or not name.isprintable():
        raise InvalidInput(f"An operation's name has 1 to {OPERATION_MAX} printable characters.")
    return name


def free_slot(job: VideoJob) -> int:
    """A slot for a job that comes back; its owner's account stays locked. Raises Conflict when all are taken."""
    ledger.lock_account(user_id=job.owner_id)
    taken = set(VideoJob.objects.filter(owner=job.owner_id).live().values_list("slot", flat=True))
    free = [slot for slot in JOB_SLOTS if slot not in taken]
    if not free:
        raise Conflict("The owner has three unfinished jobs; try again when one has finished.")
    return free[0]
