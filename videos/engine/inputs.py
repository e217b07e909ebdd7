"""Builds the request for a job's provider, and deletes the job's input pictures."""

from django.db import transaction
from django.db.models import Exists, OuterRef

from studio.db import batches
from studio.media.storage import disposal, media_storage
from videos.models import JobInput, VideoJob, from_now
from videos.phases import Phase
from videos.providers.base import Image, VideoSpec

INPUTS_KEPT_DAYS = 30  # after a failure; a month is what users need to notice and complain


def spec_of(job: VideoJob, *, with_pictures: bool = True) -> VideoSpec:
    """The request to the job's provider. Raises FileNotFoundError when pictures of the job are gone."""
    images: dict[str, list[Image]] = {role: [] for role in JobInput.Role}
    rows = list(job.inputs.all()) if with_pictures and job.input_count != 0 else []  # ordered by JobInput.Meta
    if with_pictures and job.input_count is not None and len(rows) < job.input_count:
        raise FileNotFoundError(f"{len(rows)} of {job.input_count} pictures are left")
    for row in rows:
        images[row.role].append(Image(media_storage(), row.file_name, row.content_type))
    return VideoSpec(
        job_id=str(job.pk),
        model=job.upstream_model,
        prompt=job.prompt,
        resolution=job.resolution,
        aspect_ratio=job.aspect_ratio,
        duration_seconds=job.duration_seconds,
        generate_audio=job.generate_audio,
        first_frame=next(iter(images[JobInput.Role.FIRST_FRAME]), None),
        last_frame=next(iter(images[JobInput.Role.LAST_FRAME]), None),
        references=tuple(images[JobInput.Role.REFERENCE]),
        attempt=job.attempts,
        missing=job.missing_tries,
    )


def drop_inputs(*, job: VideoJob) -> int:
    """Delete the pictures of a job that will not be submitted again; returns how many."""
    if job.input_count == 0:
        return 0
    disposal.dispose(job.inputs.values_list("file_name", flat=True))
    return job.inputs.all().delete()[0]


def drop_old_inputs() -> int:
    """Delete the pictures of jobs that failed more than INPUTS_KEPT_DAYS ago; returns how many."""
    dropped = 0
    long_ago = from_now(-INPUTS_KEPT_DAYS * 24 * 3600)
    failed = VideoJob.objects.filter(phase=Phase.FAILED, completed_at__lt=long_ago)
    with_pictures = failed.filter(Exists(JobInput.objects.filter(job=OuterRef("pk")))).order_by("pk")
    for (job_id,) in batches.rows(with_pictures, "pk"):
        with transaction.atomic():
            # read again under a lock: an operator may be resuming the job right now
            for job in failed.select_for_update().filter(pk=job_id):
                dropped += drop_inputs(job=job)
    return dropped
