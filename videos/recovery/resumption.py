"""Has the storing of a made and billed video resumed, where it has failed and the provider still has the file."""

import logging
import uuid

from django.db import transaction
from django.db.models.functions import Now

from accounts.models import User
from studio.backoffice import audit
from studio.errors import Conflict, NotAllowed, NotFound, Unavailable
from studio.http import gate
from studio.media.storage import disposal
from videos.engine import inputs
from videos.engine.hints import hint
from videos.engine.transfer import names_of
from videos.failures import RESUMABLE
from videos.idempotency import is_spent, retry_key
from videos.models import VideoJob, new_lease
from videos.phases import Phase
from videos.providers.base import ProviderError, Unreachable
from videos.providers.registry import UnknownProvider, provider
from videos.recovery.adoption import free_slot
from videos.staff_actions import OPERATE

logger = logging.getLogger(__name__)

_GONE = {"result_expired", "operation_lost"}  # what a provider calls a file that it has deleted
_REFUSES = "The provider refuses to give us the file. Nothing was changed. Check its key and account"
_ANSWERS_OTHERWISE = "The provider's answer is not the file that it had made. Nothing was changed. It answers"


def can_resume(job: VideoJob) -> bool:
    """Whether the job failed in storing: then the row still says where the provider has, or had, the file."""
    return job.phase == Phase.FAILED and job.error_code in RESUMABLE and bool(job.operation and job.result)


def resume_storing(*, job_id: uuid.UUID, actor: User | None) -> None:
    """Store the video of a job that failed as one of failures.RESUMABLE; its owner is charged nothing.

    Tokens that were returned for the failure stay with the owner: the failure was ours. The provider is asked first
    whether it still has the file, which costs nothing. `actor` None is the server's console. Raises NotAllowed,
    NotFound, Unavailable while the provider does not say or does not let us in, and Conflict for a job that failed
    otherwise or was made again within the last day, for a file that is gone or that the provider does not give, or
    while the owner has no free slot. Nothing is changed then.
    """
    if actor is not None and not actor.has_perm(OPERATE):
        raise NotAllowed
    job = VideoJob.objects.filter(pk=job_id).first()
    if job is None:
        raise NotFound("There is no such video job.")
    _require_resumable(job)
    with gate.away():  # a page of the back office holds no slot meanwhile
        _require_file(job)
    with transaction.atomic():
        locked = VideoJob.objects.select_for_update().filter(pk=job_id).first()
        if locked is None:  # its owner has deleted it since
            raise NotFound("There is no such video job.")
        _require_resumable(locked)  # another person may have resumed it since
        slot = free_slot(locked)
        if is_spent(owner_id=locked.owner_id, key=retry_key(job_id=job_id)):
            raise Conflict("This job was made again within the last day; its owner would get two videos.")
        VideoJob.objects.transition(
            locked,
            Phase.STORING,
            slot=slot,
            due_at=Now(),
            lease=new_lease(),
            broken_result=None,
            storage_refusal="",
        )
        # what earlier tries left is due for removal by now; it must not go while the new file comes under that name
        disposal.register(*names_of(locked).values())
        locked.log("The video is there after all; storing it again.")
        audit.record_action(locked, "Resume storing", actor=actor)
        hint("transfer", str(job_id))
    logger.info("storing resumed", extra={"job_id": job_id})


def _require_resumable(job: VideoJob) -> None:
    if not can_resume(job):
        raise Conflict(
            f"Only a job that failed as {' or '.join(sorted(RESUMABLE))}, and whose video the provider had made, "
            "can be stored again."
        )


def _require_file(job: VideoJob) -> None:
    """Raise Conflict when the provider has no such file for us, and Unavailable when it may say so later."""
    try:
        provider(job.provider).check_file(job.result, inputs.spec_of(job, with_pictures=False))
    except UnknownProvider as exc:
        raise Conflict(f"There is no provider {job.provider} here that could have the file.") from exc
    except ProviderError as exc:
        if isinstance(exc, Unreachable) and exc.is_denied:
            raise Unavailable(f"{_REFUSES}: {exc}") from exc
        if exc.retryable:
            raise Unavailable(f"The provider does not say whether it still has the file: {exc}") from exc
        if exc.code in _GONE:
            raise Conflict(f"The provider no longer has the file: {exc}") from exc
        raise Conflict(f"{_ANSWERS_OTHERWISE}: {exc}") from exc
