"""Staff actions on jobs: retry, refund, cancel, poll now.

Each use case checks the actor's permissions itself, so the admin and the commands share the checks. `actor` None is
the server's console, which may do everything. Adoption is in `videos.recovery.adoption`.
"""

import logging
import uuid
from datetime import UTC, datetime, time

from django.conf import settings
from django.db import transaction
from django.db.models import Q, Sum
from django.db.models.functions import Now
from django.utils import timezone

from accounts import ledger
from accounts.models import LedgerEntry, User
from studio.backoffice import audit
from studio.errors import Conflict, InvalidInput, LimitReached, NotAllowed, Unavailable
from studio.media.images import BadImage, ImageFile
from videos import creation
from videos.engine import outcomes, schedule
from videos.engine.hints import Step, hint
from videos.engine.inputs import INPUTS_KEPT_DAYS
from videos.idempotency import is_spent, retry_key
from videos.job_requests import VideoJobRequest
from videos.limits import VIDEO_PRICE_TOKENS
from videos.models import JobInput, VideoJob, from_now
from videos.phases import LIVE, Phase

logger = logging.getLogger(__name__)

OPERATE = "videos.operate_videojob"
REFUND = "videos.refund_videojob"
REASON_MAX = ledger.NOTE_MAX
HINTS: dict[Phase, Step] = {
    Phase.QUEUED: "submit",
    Phase.STORING: "transfer",
}  # the sweeper polls the other live jobs itself


class AlreadyRetried(Conflict):
    """The failed job was retried within the last day; `job` is the new job."""

    code = "made_again_before"

    def __init__(self, job: VideoJob) -> None:
        self.job = job
        moment = timezone.localtime(job.created_at)
        super().__init__(f"This job was already retried at {moment:%Y-%m-%d %H:%M:%S}, as job {job.pk}.")


def retry(*, job_id: uuid.UUID, charge: bool, actor: User | None) -> VideoJob:
    """Retry a failed job as a new job of the same owner, with the same request, pictures and look.

    The new job is like any other: today's catalogue selects its provider, and the owner needs a free slot and, with
    `charge`, the tokens. Without `charge`, the ledger has a charge of 0 with a note. Raises NotAllowed, NotFound,
    Conflict, AlreadyRetried for a repeat within a day, and the errors of `creation.create`.
    """
    _require(actor, OPERATE)
    job = VideoJob.objects.select_related("owner").find(job_id)
    _require_failed(job)
    terms = "again" if charge else "again, free of charge"
    bill = creation.Bill(
        tokens=VIDEO_PRICE_TOKENS if charge else 0, note=f"video job {job.pk} made {terms}", actor=actor
    )
    key = retry_key(job_id=job.pk)
    begun: list[VideoJob] = []

    def begin(new: VideoJob) -> None:
        _require_failed(VideoJob.objects.select_for_update().find(job_id))
        new.retry_of_id = job_id
        begun.append(new)
        if not is_spent(owner_id=job.owner_id, key=key):  # else `create` returns the earlier job, and writes nothing
            audit.record_action(job, "Retry", actor=actor, new_job=new.pk, tokens=bill.tokens)

    try:
        again = creation.create(
            owner=job.owner, job_request=_request_of(job), idempotency_key=key, bill=bill, begin=begin
        )
    except Conflict as exc:
        if exc.code != "idempotent_job_deleted":
            raise
        raise Conflict("This job was retried within the last day, and the new job was deleted since.") from exc
    if again not in begun:
        raise AlreadyRetried(again)
    logger.info("job.retried", extra={"job_id": job.pk, "new_job_id": again.pk, "charged": charge})
    return again


def refund(*, job_id: uuid.UUID, reason: str, actor: User | None) -> int:
    """Refund a job's tokens in any phase, at most once a job; returns their number.

    An actor who may not operate jobs may refund SUPPORT_REFUND_TOKENS a day (UTC). Raises, with nothing written,
    NotAllowed, InvalidInput without a reason, NotFound, Conflict if there is nothing to refund, LimitReached.
    """
    _require(actor, REFUND, OPERATE)
    note = _checked(reason)
    with transaction.atomic():
        if actor is not None:  # locked first: two simultaneous refunds must both count in the day's sum
            User.objects.select_for_update(no_key=True).get(pk=actor.pk)
        job = VideoJob.objects.select_for_update().find(job_id)
        tokens = outcomes.refund(job=job, note=note, actor=actor)
        if not tokens:
            raise Conflict("This job cost nothing, or its tokens were refunded before.")
        if actor is not None and not actor.has_perm(OPERATE):
            _stay_within_limit(actor)
        audit.record_action(job, "Refund", actor=actor, tokens=tokens, reason=note)
    logger.info("job.refunded", extra={"job_id": job_id, "tokens": tokens, "actor": actor and actor.pk})
    return tokens


def fail_and_refund(*, job_id: uuid.UUID, reason: str, actor: User | None) -> None:
    """Cancel a live job: frees its slot and refunds its tokens at once; the provider's result is dropped.

    Raises NotAllowed, InvalidInput without a reason, NotFound, and Conflict for a job that is finished.
    """
    _require(actor, OPERATE)
    note = _checked(reason)
    with transaction.atomic():
        job = VideoJob.objects.select_for_update().find(job_id)
        if job.phase not in LIVE:
            raise Conflict("This job is finished and cannot be cancelled.")
        # before the failure, so that the ledger names the actor and the reason, whatever REFUND_POLICY says
        tokens = outcomes.refund(job=job, note=note, actor=actor)
        outcomes.fail(job=job, code="cancelled_by_staff", detail=f"Cancelled by staff: {note}")
        audit.record_action(job, "Cancel and refund", actor=actor, tokens=tokens, reason=note)


def poll_now(*, job_id: uuid.UUID, actor: User | None) -> None:
    """Perform a live job's next step at once, instead of when it is due; this ends a back-off.

    Raises NotAllowed, NotFound, and Conflict for a job that is finished or is being processed.
    """
    _require(actor, OPERATE)
    with transaction.atomic():
        job = VideoJob.objects.select_for_update().find(job_id)
        if job.phase not in LIVE:
            raise Conflict("This job is finished and cannot be polled.")
        # A transfer keeps its lease short; a longer one is a back-off, and no worker has it.
        is_free = Q(lease_until=None) | Q(lease_until__lte=Now()) | Q(lease_until__gt=from_now(schedule.TRANSFER_LEASE))
        idle = VideoJob.objects.filter(is_free).exclude(phase=Phase.SUBMITTING)
        if not idle.update_fenced(job, due_at=Now(), lease_until=None):
            raise Conflict("This job is being processed right now. Try again in 30 seconds.")
        audit.record_action(job, "Poll now", actor=actor)
        if step := HINTS.get(Phase(job.phase)):
            hint(step, str(job.pk))


def _require(actor: User | None, *permissions: str) -> None:
    """Raise NotAllowed for an actor with none of the permissions."""
    if actor is not None and not any(map(actor.has_perm, permissions)):
        raise NotAllowed


def _require_failed(job: VideoJob) -> None:
    if job.phase != Phase.FAILED:
        raise Conflict("Only a failed job can be retried.")


def _checked(reason: str) -> str:
    text = " ".join(reason.replace("\0", "").split())
    if not text or len(text) > REASON_MAX:
        raise InvalidInput(f"Give a reason of at most {REASON_MAX} characters; the owner reads it.")
    return text


def _stay_within_limit(actor: User) -> None:
    """Raise LimitReached if the actor's refunds of the day, with the one just made, exceed the limit."""
    midnight = datetime.combine(timezone.now().date(), time(), UTC)
    refunds = LedgerEntry.objects.filter(actor=actor, kind=LedgerEntry.Kind.REFUND, created_at__gte=midnight)
    if (refunds.aggregate(sum=Sum("amount"))["sum"] or 0) > settings.SUPPORT_REFUND_TOKENS:
        raise LimitReached(
            f"You may refund {settings.SUPPORT_REFUND_TOKENS} tokens a day, and this would be more. "
            "Ask an operator, or wait until tomorrow (UTC).",
            code="refund_limit_reached",
        )


def _request_of(job: VideoJob) -> VideoJobRequest:
    """The owner's request, with the pictures that are kept of a failed job.

    They include a first frame that came from the look, which may have another picture by now.
    """
    inputs = list(job.inputs.order_by("role", "position"))
    known = job.input_count is not None or bool(inputs)
    if not known or job.input_count not in {None, len(inputs)}:
        raise Conflict(
            "The pictures of this job are gone: after a failure they are kept for "
            f"{INPUTS_KEPT_DAYS} days. Its owner must send them again, in a new job."
        )
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
    )


def _read(row: JobInput) -> ImageFile:
    try:
        return creation.picture_in_storage(name=row.file_name)
    except (OSError, BadImage) as exc:
        raise Unavailable(
            f"The picture {row.file_name} cannot be read at the moment.", code="input_unreadable"
        ) from exc
