"""Retries a failed job as a new job of the same owner, with the same request, pictures and look.

A job has one retry, which a constraint holds; when that job is deleted, the failed one may be retried again.
"""

import logging
import uuid

from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User
from studio.backoffice import audit
from studio.errors import Conflict, InvalidInput, Unavailable, must_be_one_of
from studio.media.images import BadImage, ImageFile
from videos import creation
from videos.catalogue import ASPECT_RATIOS, DURATIONS_SECONDS, RESOLUTIONS
from videos.engine.inputs import INPUTS_KEPT_DAYS
from videos.idempotency import is_spent, retry_key
from videos.job_requests import VideoJobRequest
from videos.limits import VIDEO_PRICE_TOKENS
from videos.models import JobInput, VideoJob
from videos.phases import Phase
from videos.staff_actions import OPERATE, require

logger = logging.getLogger(__name__)


class NotFailed(Conflict):
    """The job has not failed."""

    code = "not_failed"
    message = "Only a failed job can be retried."


class PicturesGone(Conflict):
    """The pictures of the failed job are deleted, so the same video cannot be ordered again."""

    code = "pictures_gone"
    message = (
        f"The pictures of this job are gone: after a failure they are kept for {INPUTS_KEPT_DAYS} days. "
        "Its owner must send them again, in a new job."
    )


class AlreadyRetried(Conflict):
    """The failed job has a retry: `job`."""

    code = "already_retried"

    def __init__(self, job: VideoJob) -> None:
        self.job = job
        moment = timezone.localtime(job.created_at)
        super().__init__(
            f"This job was already retried at {moment:%Y-%m-%d %H:%M:%S}, as job {job.pk}.",
            facts={"retriedBy": str(job.pk)},
        )


def retry(*, job_id: uuid.UUID, actor: User, idempotency_key: str = "") -> VideoJob:
    """Retry a failed job for its owner or an admin; the owner pays as for any new job.

    With the key of an earlier retry of this job, returns its job and changes nothing. Raises NotFound, NotFailed,
    AlreadyRetried, PicturesGone, InvalidInput for a request that is not possible any more, Unavailable, and the errors
    of `creation.create`.
    """
    job = VideoJob.objects.select_related("owner").find(job_id)
    is_owner = actor.pk == job.owner_id
    bill = creation.Bill(note=f"retry of video job {job.pk}", actor=None if is_owner else actor)
    again, is_new = _create(job, bill=bill, key=idempotency_key, is_audited=not is_owner)
    if is_new:
        logger.info("job.retried", extra={"job_id": job.pk, "new_job_id": again.pk, "charged": True})
    return again


def retry_by_staff(*, job_id: uuid.UUID, charge: bool, actor: User | None) -> VideoJob:
    """Retry a failed job in the back office; None is the server's console.

    The new job is like any other: today's catalogue selects its provider, and the owner needs a free slot and, with
    `charge`, the tokens. Without `charge`, the ledger has a charge of 0 with a note. Raises NotAllowed and what `retry`
    raises, and Conflict for a repeat within a day where the new job was deleted.
    """
    require(actor, OPERATE)
    job = VideoJob.objects.select_related("owner").find(job_id)
    terms = "again" if charge else "again, free of charge"
    bill = creation.Bill(
        tokens=VIDEO_PRICE_TOKENS if charge else 0, note=f"video job {job.pk} made {terms}", actor=actor
    )
    try:
        again, is_new = _create(job, bill=bill, key=retry_key(job_id=job.pk), is_audited=True)
    except Conflict as exc:
        if exc.code != "idempotent_job_deleted":
            raise
        raise Conflict("This job was retried within the last day, and the new job was deleted since.") from exc
    if not is_new:
        raise AlreadyRetried(again)
    logger.info("job.retried", extra={"job_id": job.pk, "new_job_id": again.pk, "charged": charge})
    return again


def was_retried(job: VideoJob) -> bool:
    """Whether another job repeats this one, or staff retried it within the last day. Decisive while it is locked."""
    has_retry = VideoJob.objects.filter(retry_of_id=job.pk).exists()
    return has_retry or is_spent(owner_id=job.owner_id, key=retry_key(job_id=job.pk))


def _create(job: VideoJob, *, bill: creation.Bill, key: str, is_audited: bool) -> tuple[VideoJob, bool]:
    """The new job, and whether it is new: with the key of an earlier one it is that job."""
    begun: list[VideoJob] = []

    def begin(new: VideoJob) -> None:
        origin = VideoJob.objects.select_for_update().find(job.pk)
        if _is_repeat(job, key):  # `create` returns the earlier job, and writes nothing
            return
        _require_free(origin)
        begun.append(new)
        new.retry_of_id = origin.pk
        VideoJob.objects.filter(pk=origin.pk).update(updated_at=Now())  # it shows its retry
        if is_audited:
            audit.record_action(origin, "Retry", actor=bill.actor, new_job=new.pk, tokens=bill.tokens)

    try:
        _require_free(job)  # before its pictures are read
    except (NotFailed, AlreadyRetried):
        if not _is_repeat(job, key):  # asked afterwards: the first request may commit its job and key at any moment
            raise
    again = creation.create(owner=job.owner, job_request=_request_of(job), idempotency_key=key, bill=bill, begin=begin)
    return again, again in begun


def _is_repeat(job: VideoJob, key: str) -> bool:
    return bool(key) and is_spent(owner_id=job.owner_id, key=key)


def _require_free(job: VideoJob) -> None:
    """Raise NotFailed or AlreadyRetried. Decisive while the job is locked."""
    if job.phase != Phase.FAILED:
        raise NotFailed
    if earlier := VideoJob.objects.filter(retry_of_id=job.pk).first():
        raise AlreadyRetried(earlier)


def _request_of(job: VideoJob) -> VideoJobRequest:
    """The owner's request, with the pictures that are kept of a failed job.

    They include a first frame that came from the look, which may have another picture by now.
    """
    _require_values_of_today(job)
    inputs = list(job.inputs.order_by("role", "position"))
    known = job.input_count is not None or bool(inputs)
    if not known or job.input_count not in {None, len(inputs)}:
        raise PicturesGone
    pictures: dict[str, list[ImageFile]] = {role: [] for role in JobInput.Role}
    for row in inputs:
        pictures[row.role].append(_read(row))
    link = job.look_videos.order_by("created_at", "id").first()
    return VideoJobRequest(
        prompt=job.prompt,
        model=job.model,
        resolution=job.resolution,
        aspect_ratio=job.aspect_ratio,
        duration_seconds=job.duration_seconds,
        generate_audio=job.generate_audio,
        mock_mode=job.mock_mode,
        look_id=str(link.look_id) if link else "",
        use_look_image=False,
        initial_image=next(iter(pictures[JobInput.Role.FIRST_FRAME]), None),
        end_frame=next(iter(pictures[JobInput.Role.LAST_FRAME]), None),
        reference_images=tuple(pictures[JobInput.Role.REFERENCE]),
        retry_of=str(job.pk),
    )


def _require_values_of_today(job: VideoJob) -> None:
    """Raise InvalidInput for a job of the previous system whose values no new job may have."""
    for field, value, allowed in (
        ("resolution", job.resolution, RESOLUTIONS),
        ("aspectRatio", job.aspect_ratio, ASPECT_RATIOS),
        ("durationSeconds", job.duration_seconds, DURATIONS_SECONDS),
    ):
        if value not in allowed:
            raise InvalidInput(errors={field: must_be_one_of(allowed, value)})


def _read(row: JobInput) -> ImageFile:
    try:
        return creation.picture_in_storage(name=row.file_name)
    except (OSError, BadImage) as exc:
        raise Unavailable(
            f"The picture {row.file_name} cannot be read at the moment.", code="input_unreadable"
        ) from exc
