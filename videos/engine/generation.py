"""The steps of a job up to the finished file at the provider: submit, poll, and what to do when a step was lost.

Every step reads the row, claims it, calls the provider outside any transaction, and writes the outcome under the fence
of VideoJobQuerySet.transition. A step may run twice and may die at any statement. The paid call is made at most once.
"""

import logging

from django.db import models, transaction
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Greatest, Now

from studio.db import batches
from studio.db.statements import Param, SelectModels
from studio.db.storable import is_storable
from studio.media.storage import disposal, media_storage
from studio.media.storage.base import StorageError
from videos import suspension
from videos.engine import accepted_operations, log_context, metrics, outcomes, progress, schedule
from videos.engine.hints import hint
from videos.engine.recording import insist, store_poll_result
from videos.models import OPERATION_MAX, JobInput, VideoJob, from_now, new_lease
from videos.phases import Phase
from videos.providers.base import (
    Finished,
    Image,
    NotAccepted,
    NotCharged,
    Operation,
    OutcomeUnknown,
    ProbablyNotAccepted,
    Progress,
    Provider,
    ProviderError,
    Unreachable,
    VideoSpec,
)
from videos.providers.registry import UnknownProvider, provider

logger = logging.getLogger(__name__)
Seen = Progress | Finished | ProviderError  # what a look may show

INPUTS_KEPT_DAYS = 30  # after a failure; a month is what people need to notice and complain


def request_of(job: VideoJob, *, with_pictures: bool = True) -> VideoSpec:
    """What the provider is asked for. Raises FileNotFoundError when pictures of the job are gone."""
    images: dict[str, list[Image]] = {role: [] for role in JobInput.Role}
    rows = list(job.inputs.all()) if with_pictures and job.input_count != 0 else []  # in the order of their table
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


_QUEUED = SelectModels(
    VideoJob,
    lambda: VideoJob.objects.claimable().filter(pk=Param("id", models.UUIDField()), phase=Phase.QUEUED).order_by(),
)


def submit(*, job_id: str) -> None:
    """Hand a queued job to its provider: the one paid call. Does nothing for a job that is not queued or not due."""
    for job in _QUEUED.all(id=job_id):
        with log_context.step("submit", job):
            _submit(job)


def _submit(job: VideoJob) -> None:
    try:
        adapter = provider(job.provider)
        request = request_of(job)
        request.read_images()  # before the claim: a slow storage must not eat into the lease
    except Exception as exc:  # nothing has been sent; what went wrong says whether another try makes sense
        _not_ready(job, exc)
        return
    expiry = from_now(schedule.LEASE)
    if VideoJob.objects.claimable().transition(
        job,
        Phase.SUBMITTING,
        lease=new_lease(),
        lease_until=expiry,
        due_at=expiry,
        attempts=job.attempts,
        started_at=job.started_at or Now(),
    ):
        _start(job, adapter, request)


def _start(job: VideoJob, adapter: Provider, request: VideoSpec) -> None:
    """The paid call, and what has come of it."""
    try:
        operation = adapter.start(request)
    except NotAccepted as exc:
        metrics.count_submit(job, exc)
        insist(outcomes.send_again, job, job.attempts, exc)
    except ProbablyNotAccepted as exc:
        metrics.count_submit(job, exc)
        insist(outcomes.send_in_doubt, job, exc)
    except ProviderError as exc:
        metrics.count_submit(job, exc)
        insist(outcomes.refuse, job, exc)
    except Exception as exc:  # nothing is known about the call, so nothing may be assumed
        logger.exception("provider adapter failed in start", extra={"job_id": job.pk})
        unknown = OutcomeUnknown(repr(exc))
        metrics.count_submit(job, unknown)
        insist(outcomes.refuse, job, unknown)
    else:
        _accepted(job, operation)
        metrics.count_submit(job, None)
        suspension.count_acceptance(job=job)


def _accepted(job: VideoJob, operation: Operation) -> None:
    # Logged before it is stored: if this process dies in between, or the row is lost, it can still be adopted.
    logger.info(accepted_operations.EVENT, extra=accepted_operations.facts_of(job, operation.name))
    if not (operation.name and is_storable(operation.name, length=OPERATION_MAX)):
        unknown = OutcomeUnknown(f"accepted under a name that cannot be stored: {operation.name!r}")
        insist(outcomes.refuse, job, unknown)
        return
    if not insist(_store_operation, job, operation):  # deleted meanwhile, or given up as lost
        logger.warning("operation dropped", extra={"job_id": job.pk, "operation": operation.name})


def _not_ready(job: VideoJob, exc: Exception) -> None:
    """The submit step could not begin: put it off while that may pass, else the job fails; nobody was asked."""
    logger.warning("submit not begun", extra={"job_id": job.pk}, exc_info=exc)
    # a provider that only a newer release knows: a worker of that one may be there soon
    may_pass = isinstance(exc, UnknownProvider) or (isinstance(exc, StorageError) and exc.retryable)
    if may_pass and job.attempts < len(schedule.SUBMIT_BACKOFF):
        later = from_now(schedule.SUBMIT_BACKOFF[job.attempts])
        VideoJob.objects.claimable().update_fenced(job, attempts=F("attempts") + 1, lease_until=later, due_at=later)
        return
    outcomes.fail(job=job, code="input_missing" if isinstance(exc, OSError) else "internal_error", detail=repr(exc))


def _store_operation(job: VideoJob, operation: Operation) -> bool:
    """Whether the row has the operation now; a try before may have written it, and not have heard so."""
    with transaction.atomic():
        moved = VideoJob.objects.transition(
            job,
            Phase.GENERATING,
            operation=operation.name,
            lease=job.lease,
            lease_until=None,
            due_at=from_now(operation.first_poll_seconds),
            progress_percentage=Greatest(F("progress_percentage"), progress.SUBMITTED),
            submit_attempts=job.attempts,
            lasting_refusals=0,
        )
        if moved:
            job.log("The video service has accepted the job.")
    return moved or VideoJob.objects.filter(pk=job.pk, lease=job.lease, operation=operation.name).exists()


def settle_lost_submit(*, job: VideoJob) -> None:
    """Decide about a job whose submit step never reported back: sent again only where that costs nothing."""
    if not provider(job.provider).start_is_free:
        outcomes.fail(job=job, code="submission_unknown", detail="the lease of the submit step ran out")
    elif VideoJob.objects.transition(job, Phase.QUEUED, due_at=Now()):
        logger.warning("free submit tried again", extra={"job_id": job.pk})


async def look(job: VideoJob, request: VideoSpec) -> Seen:
    """Ask the provider about a generating job; its failure is an answer, too."""
    seen = await _ask(job, request)
    metrics.count_poll(job, seen)
    return seen


async def _ask(job: VideoJob, request: VideoSpec) -> Seen:
    try:
        return await provider(job.provider).poll(job.operation, request)
    except ProviderError as exc:
        return exc
    except Exception as exc:  # an adapter's defect must not keep a job from its back-off and its end
        logger.exception("provider adapter failed in poll", extra={"job_id": job.pk})
        return Unreachable(repr(exc))


def is_news(job: VideoJob, seen: Seen) -> bool:
    """Whether a poll has shown anything but what was written down when the job was claimed for it (quota.take)."""
    is_known = isinstance(seen, Progress) and seen == Progress(note=seen.note) and not _is_new(job, seen.note)
    return (
        not is_known or job.attempts > 0 or job.store_tries > 0 or progress.elapsed(job) >= schedule.POLL_SLOWER_AFTER
    )


def apply_poll_result(*, job: VideoJob, seen: Seen) -> None:
    """Write down what a look has shown; where that cannot be stored, it counts as a try (videos.engine.recording)."""
    store_poll_result(_apply, job, seen, is_made=isinstance(seen, Finished))


def _apply(job: VideoJob, seen: Seen) -> None:
    if isinstance(seen, Finished):
        _finished(job, seen)
    elif isinstance(seen, Progress):
        _goes_on(job, seen)
    elif isinstance(seen, NotCharged):
        outcomes.send_again(job, job.submit_attempts, seen, operation="")
    elif seen.retryable:
        _not_seen(job, seen)
    else:
        _verdict(job, seen)


def _verdict(job: VideoJob, seen: ProviderError) -> None:
    """The provider's work has ended without a video for us."""
    is_made = seen.code == "result_unreadable"  # and billed
    with transaction.atomic():
        failed = outcomes.fail(job=job, code=seen.code, detail=str(seen), is_made=is_made)
        if failed and is_made:
            metrics.count_cost(job)


def _goes_on(job: VideoJob, seen: Progress) -> None:
    elapsed = progress.elapsed(job)
    if elapsed > schedule.POLL_GIVE_UP:
        outcomes.fail(job=job, code="generation_timeout", detail="not done within two days")
        return
    wait = seen.next_poll_seconds or schedule.poll_interval(elapsed, failures=0)
    told = progress.told(seen.percentage or 0)
    fields = {"due_at": from_now(wait), "attempts": 0, "store_tries": 0, "missing_tries": 0}
    if _is_new(job, seen.note):
        logger.warning("unknown state at the provider", extra={"job_id": job.pk, "reason": seen.note})
        reply = f"{job.provider_reply}\n{outcomes.for_staff(seen.note)}".strip()
        fields["provider_reply"] = outcomes.for_staff(reply)
    VideoJob.objects.show_progress(job, told, **fields)


def _is_new(job: VideoJob, note: str) -> bool:
    """Whether staff have not read this of the job before."""
    return bool(note) and outcomes.for_staff(note) not in job.provider_reply.splitlines()


def _finished(job: VideoJob, seen: Finished) -> None:
    with transaction.atomic():
        if VideoJob.objects.transition(
            job,
            Phase.STORING,
            result=seen.result,
            due_at=from_now(schedule.REHINT),
            generated_at=Now(),
            progress_percentage=progress.GENERATED,
        ):
            job.log("The video is made; storing it.")
            metrics.count_cost(job)
            hint("transfer", str(job.pk))
            logger.info("video generated", extra={"job_id": job.pk})


def _not_seen(job: VideoJob, seen: ProviderError) -> None:
    elapsed = progress.elapsed(job)
    if elapsed > schedule.POLL_GIVE_UP:
        outcomes.fail(job=job, code="generation_timeout", detail=str(seen))
        return
    logger.warning("look failed", extra={"job_id": job.pk, "attempts": job.attempts + 1, "reason": str(seen)})
    due_at = from_now(schedule.poll_interval(elapsed, failures=job.attempts + 1))
    VideoJob.objects.update_fenced(
        job,
        due_at=due_at,
        attempts=F("attempts") + 1,
        missing_tries=F("missing_tries") + int(getattr(seen, "is_missing", False)),
        provider_reply=outcomes.for_staff(str(seen)),
    )


def drop_inputs(*, job: VideoJob) -> int:
    """Give up the pictures of a job that nobody makes any more; returns how many."""
    if job.input_count == 0:
        return 0
    disposal.dispose(job.inputs.values_list("file_name", flat=True))
    return job.inputs.all().delete()[0]


def drop_old_inputs() -> int:
    """Give up the pictures of jobs that failed so long ago that nobody will have them made again; returns how many."""
    dropped = 0
    long_ago = from_now(-INPUTS_KEPT_DAYS * 24 * 3600)
    failed = VideoJob.objects.filter(phase=Phase.FAILED, completed_at__lt=long_ago)
    with_pictures = failed.filter(Exists(JobInput.objects.filter(job=OuterRef("pk")))).order_by("pk")
    for (job_id,) in batches.rows(with_pictures, "pk"):
        with transaction.atomic():
            # locked, and looked at again: an operator may be taking it up at this moment
            for job in failed.select_for_update().filter(pk=job_id):
                dropped += drop_inputs(job=job)
    return dropped
