"""Deletes video jobs, in whatever phase they are, with everything that belongs to them but the ledger's entries."""

import logging
import uuid

from django.db import transaction

from accounts import ledger
from studio.errors import NotFound
from studio.storage import disposal
from videos import outcomes
from videos.idempotency import keep_key
from videos.models import VideoJob
from videos.phases import Phase

logger = logging.getLogger(__name__)


def delete(*, job_id: uuid.UUID) -> None:
    """Remove the job; its slot is free at once, and what a provider still delivers is dropped.

    Its files go in the background. Tokens come back only while nobody has been asked for the video. Raises NotFound.
    """
    with transaction.atomic():
        job = VideoJob.objects.select_for_update().filter(pk=job_id).first()
        if job is None:
            raise NotFound("There is no such video job.")
        ledger.count_jobs(user_id=job.owner_id, more=-1)  # next after the job, before links to looks: the lock order
        if job.phase == Phase.QUEUED:
            outcomes.refund(job=job, note="video job deleted before it was started")
        # A transfer under way registered its files for removal before it uploaded them, and will find the row gone.
        disposal.dispose([job.video.name or "", job.poster.name or "", *job.inputs.values_list("file_name", flat=True)])
        keep_key(job=job)
        phase = job.phase
        job.delete()
    logger.info("video job deleted", extra={"job_id": job_id, "phase": phase})
