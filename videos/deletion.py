"""Deletes video jobs of any phase, with their files; ledger entries stay."""

import logging
import uuid

from django.db import transaction

from accounts import ledger
from accounts.models import User
from studio.backoffice import audit
from studio.media.storage import disposal
from videos.idempotency import keep_key
from videos.limits import add_to_job_count
from videos.models import Event, VideoJob, events
from videos.phases import Phase

logger = logging.getLogger(__name__)


def delete_by_staff(*, job_id: uuid.UUID, actor: User | None) -> None:
    """Delete another user's job and record the actor in the audit log; None is the server's console."""
    with transaction.atomic():
        job = VideoJob.objects.filter(pk=job_id).select_related("owner").first()
        tokens = delete(job_id=job_id)
        if job:
            audit.record_action(job, "Delete", actor=actor, owner=job.owner.email, tokens_returned=tokens)


def delete(*, job_id: uuid.UUID) -> int:
    """Delete the job; its slot is free at once, and a result that a provider still delivers is dropped.

    Files are removed in the background. A job that was not yet sent to a provider is refunded; returns the tokens.
    Raises NotFound.
    """
    tokens = 0
    with transaction.atomic():
        job = VideoJob.objects.select_for_update().find(job_id)
        add_to_job_count(user_id=job.owner_id, more=-1)  # lock order: job, account, links to looks, event counter
        if job.phase == Phase.QUEUED:
            tokens = ledger.refund(user_id=job.owner_id, job_id=job_id, note="video job deleted before it was started")
        # A running transfer has registered its files for removal already, and will find no row to adopt them.
        disposal.dispose([job.video.name or "", job.poster.name or "", *job.inputs.values_list("file_name", flat=True)])
        keep_key(job=job)
        phase = job.phase
        job.delete()
        events.record(Event.Kind.DELETED, [(job.owner_id, job_id)])
    logger.info("job.deleted", extra={"job_id": job_id, "phase": phase})
    return tokens
