"""Deletes video jobs of any phase, with their files; ledger entries and the cost at the provider stay."""

import logging
import uuid
from functools import cache
from typing import Any

from django.db import models, transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts import ledger
from accounts.models import User
from studio.backoffice import audit
from studio.db.statements import Delete, Param, SelectModels, Statement, UpdateReturning
from studio.errors import NotFound
from studio.media.storage import disposal
from videos.engine import hints, metrics
from videos.failures import CANCELLED
from videos.idempotency import keep_key
from videos.limits import add_to_job_count
from videos.models import DeletedJob, Event, JobInput, VideoJob, events
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
        job = _lock(job_id)
        # its retry, which is newer: jobs are locked in the order of their age
        linked = [retry.pk for retry in _UNLINK_RETRY.all(id=job_id)]
        if job.retry_of_id:
            linked.append(job.retry_of_id)
        add_to_job_count(user_id=job.owner_id, more=-1)  # lock order: job, account, links to looks, event counter
        if job.phase == Phase.QUEUED:
            tokens = ledger.refund(user_id=job.owner_id, job_id=job_id, note="video job deleted before it was started")
        # A running transfer has registered its files for removal already, and will find no row to adopt them.
        inputs = [name for (name,) in _INPUTS.rows(id=job_id)]
        disposal.dispose([job.video.name or "", job.poster.name or "", *inputs])
        keep_key(job=job)
        if job.phase == Phase.GENERATING:
            hints.ask_to_cancel(provider=job.provider, operation=job.operation)
        _keep_cost(job)
        phase = job.phase
        _delete_rows(job_id)
        events.record(Event.Kind.UPDATED, [(job.owner_id, linked_id) for linked_id in linked])
        events.record(Event.Kind.DELETED, [(job.owner_id, job_id)])
    logger.info("job.deleted", extra={"job_id": job_id, "phase": phase})
    return tokens


_ID = Param("id", models.UUIDField())
_LOCK = SelectModels(VideoJob, lambda: VideoJob.objects.select_for_update().filter(pk=_ID).order_by())
_INPUTS = Statement(lambda: JobInput.objects.filter(job_id=_ID).order_by().values_list("file_name"))
_ROW = Delete(lambda: VideoJob.objects.filter(pk=_ID).order_by())


def _lock(job_id: uuid.UUID) -> VideoJob:
    found: list[VideoJob] = _LOCK.all(id=job_id)
    if not found:
        raise NotFound("There is no such video job.")
    return found[0]


def _delete_rows(job_id: uuid.UUID) -> None:
    """Delete the job and the rows that go with it, as Django's `delete` does in twice the time."""
    for statement in _dependents():
        statement.run(id=job_id)
    _ROW.run(id=job_id)


@cache
def _dependents() -> list[Delete]:
    """A DELETE for each foreign key to jobs that cascades."""
    relations: Any = VideoJob._meta.related_objects
    return [_of(relation) for relation in relations if relation.on_delete is models.CASCADE]


def _of(relation: Any) -> Delete:
    return Delete(lambda: relation.related_model.objects.filter(**{relation.field.attname: _ID}).order_by())


_UNLINK_RETRY = UpdateReturning(
    VideoJob,
    lambda: VideoJob.objects.filter(retry_of_id=Param("id", models.UUIDField())),
    retry_of_id=None,
    updated_at=Now(),
)


def _keep_cost(job: VideoJob) -> None:
    """Keep what the provider is paid for the job.

    It generates a job that it has accepted, whether or not we poll it. While a submit has no response, the step itself
    counts the cost later (`videos.engine.submit`).
    """
    is_in_flight = job.phase in {Phase.SUBMITTING, Phase.GENERATING} or job.error_code in CANCELLED
    if job.mock_mode or not (job.generated_at or is_in_flight):
        return
    if job.phase == Phase.GENERATING:
        metrics.count_cost(job)
        job.generated_at = timezone.now()
    row = DeletedJob(
        id=job.pk,
        owner_id=job.owner_id,
        model=job.model,
        provider=job.provider,
        upstream_model=job.upstream_model,
        resolution=job.resolution,
        duration_seconds=job.duration_seconds,
        generated_at=job.generated_at,
        completed_at=job.completed_at or timezone.now(),
    )
    DeletedJob.objects.bulk_create([row], ignore_conflicts=True)  # an imported job may be deleted and imported again
