"""Deletes video jobs, in whatever phase they are, with everything that belongs to them but the ledger's entries."""

import logging
import uuid

from django.db import transaction

from accounts.models import User
from studio.backoffice import audit
from studio.errors import NotFound
from studio.media.storage import disposal
from videos.engine import outcomes
from videos.idempotency import keep_key
from videos.limits import count_jobs
from videos.models import VideoJob
from videos.phases import Phase

logger = logging.getLogger(__name__)


def delete_by_staff(*, job_id: uuid.UUID, actor: User | None) -> None:
    """Remove another person's job, and keep who did it; else as `delete`. `actor` None is the server's console."""
    with transaction.atomic():
        job = VideoJob.objects.filter(pk=job_id).select_related("owner").first()
        tokens = delete(job_id=job_id)
        if job:
            audit.record_action(job, "Delete", actor=actor, owner=job.owner.email, tokens_returned=tokens)


def delete(*, job_id: uuid.UUID) -> int:
    """Remove the job; its slot is free at once, and what a provider still delivers is dropped.

    Its files go in the background. Tokens come back only while nobody has been asked for the video; returns how many.
    Raises NotFound.
    """
    tokens = 0
    with transaction.atomic():
        job = VideoJob.objects.select_for_update().filter(pk=job_id).first()
        if job is None:
            raise NotFound("There is no such video job.")
        count_jobs(user_id=job.owner_id, more=-1)  # next after the job, before links to looks: the lock order
        if job.phase == Phase.QUEUED:
            tokens = outcomes.refund(job=job, note="video job deleted before it was started")
        # A transfer under way registered its files for removal before it uploaded them, and will find the row gone.
        disposal.dispose([job.video.name or "", job.poster.name or "", *job.inputs.values_list("file_name", flat=True)])
        keep_key(job=job)
        phase = job.phase
        job.delete()
    logger.info("video job deleted", extra={"job_id": job_id, "phase": phase})
    return tokens
