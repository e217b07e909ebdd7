"""Resumes the storing of a finished and billed video while the provider still has the file."""

import logging
import uuid

from django.db import transaction
from django.db.models.functions import Now

from accounts.models import User
from studio.backoffice import audit
from studio.errors import Conflict, NotAllowed, Unavailable
from studio.http import active_requests
from studio.media.storage import disposal
from videos.engine import inputs
from videos.engine.hints import hint
from videos.failures import RESUMABLE
from videos.models import VideoJob, new_lease
from videos.phases import Phase
from videos.providers.base import ProviderError, Unreachable
from videos.providers.registry import UnknownProvider, provider
from videos.recovery.adoption import require_free_slot
from videos.recovery.retry import was_retried
from videos.staff_actions import OPERATE

logger = logging.getLogger(__name__)

_GONE = {"result_expired", "operation_lost"}  # error codes for a deleted file
_REFUSES = "The provider refuses to give us the file. Nothing was changed. Check its key and account"
_OTHER_RESPONSE = "The provider's response is not the finished file. Nothing was changed. It says"


def can_resume(job: VideoJob) -> bool:
    """Whether the job failed in storing, and its row still has the location of the provider's file."""
    return job.phase == Phase.FAILED and job.error_code in RESUMABLE and bool(job.operation and job.result)


def resume_storing(*, job_id: uuid.UUID, actor: User | None) -> None:
    """Store the video of a job that failed as one of failures.RESUMABLE; its owner is charged nothing.

    Refunded tokens stay with the owner: the failure was ours. First asks the provider, free of charge, whether it still
    has the file. `actor` is None at the server's console. Raises NotAllowed, NotFound, Unavailable while the provider
    does not say or denies access, and Conflict for a job that failed otherwise or was retried, for
    a file that is gone or refused, or while the owner has no free slot. Changes nothing then.
    """
    if actor is not None and not actor.has_perm(OPERATE):
        raise NotAllowed
    job = VideoJob.objects.find(job_id)
    _require_resumable(job)
    with active_requests.without_slot():  # a page of the back office holds no slot meanwhile
        _require_file(job)
    with transaction.atomic():
        locked = VideoJob.objects.select_for_update().find(job_id)  # its owner may have deleted it meanwhile
        _require_resumable(locked)  # it may have been resumed meanwhile
        slot = require_free_slot(locked)
        if was_retried(locked):
            raise Conflict("This job was retried; its owner would get two videos.")
        VideoJob.objects.transition(
            locked,
            Phase.STORING,
            slot=slot,
            due_at=Now(),
            lease=new_lease(),
            broken_result=None,
            storage_refusal="",
        )
        # files of earlier tries may be due for removal; they must stay while new ones are stored under their names
        disposal.register(*locked.file_names.values())
        locked.log("The provider still has the video; storing it again.")
        audit.record_action(locked, "Resume storing", actor=actor)
        hint("transfer", str(job_id))
    logger.info("transfer.resumed", extra={"job_id": job_id})


def _require_resumable(job: VideoJob) -> None:
    if not can_resume(job):
        raise Conflict(
            f"Only a job that failed as {' or '.join(sorted(RESUMABLE))}, and whose video is finished, "
            "can be stored again."
        )


def _require_file(job: VideoJob) -> None:
    """Raise Conflict when the provider does not have the file for us, and Unavailable when it does not say."""
    try:
        provider(job.provider).check_file(job.result, inputs.spec_of(job, with_pictures=False))
    except UnknownProvider as exc:
        raise Conflict(f"This release has no provider {job.provider}, which could have the file.") from exc
    except ProviderError as exc:
        if isinstance(exc, Unreachable) and exc.is_denied:
            raise Unavailable(f"{_REFUSES}: {exc}") from exc
        if exc.retryable:
            raise Unavailable(f"The provider does not say whether it still has the file: {exc}") from exc
        if exc.code in _GONE:
            raise Conflict(f"The provider no longer has the file: {exc}") from exc
        raise Conflict(f"{_OTHER_RESPONSE}: {exc}") from exc
