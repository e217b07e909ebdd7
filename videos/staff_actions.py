"""Staff actions on jobs: refund, cancel, poll now.

Each use case checks the actor's permissions itself, so the admin and the commands share the checks. `actor` None is
the server's console, which may do everything. Retries and adoptions are in `videos.recovery`.
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
from studio.errors import Conflict, InvalidInput, LimitReached, NotAllowed
from videos.engine import cancellation, outcomes, schedule
from videos.engine.hints import Step, hint
from videos.models import VideoJob, from_now
from videos.phases import LIVE, Phase

logger = logging.getLogger(__name__)

OPERATE = "videos.operate_videojob"
REFUND = "videos.refund_videojob"
REASON_MAX = ledger.NOTE_MAX
HINTS: dict[Phase, Step] = {
    Phase.QUEUED: "submit",
    Phase.STORING: "transfer",
}  # the sweeper polls the other live jobs itself


def refund(*, job_id: uuid.UUID, reason: str, actor: User | None) -> int:
    """Refund a job's tokens in any phase, at most once a job; returns their number.

    An actor who may not operate jobs may refund SUPPORT_REFUND_TOKENS a day (UTC). Raises, with nothing written,
    NotAllowed, InvalidInput without a reason, NotFound, Conflict if there is nothing to refund, LimitReached.
    """
    require(actor, REFUND, OPERATE)
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
    require(actor, OPERATE)
    note = _checked(reason)
    with transaction.atomic():
        job = VideoJob.objects.select_for_update().find(job_id)
        if job.phase not in LIVE:
            raise Conflict("This job is finished and cannot be cancelled.")
        # before the failure, so that the ledger names the actor and the reason, whatever REFUND_POLICY says
        tokens = outcomes.refund(job=job, note=note, actor=actor)
        cancellation.stop(job=job, code="cancelled_by_staff", detail=f"Cancelled by staff: {note}")
        audit.record_action(job, "Cancel and refund", actor=actor, tokens=tokens, reason=note)


def poll_now(*, job_id: uuid.UUID, actor: User | None) -> None:
    """Perform a live job's next step at once, instead of when it is due; this ends a back-off.

    Raises NotAllowed, NotFound, and Conflict for a job that is finished or is being processed.
    """
    require(actor, OPERATE)
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


def require(actor: User | None, *permissions: str) -> None:
    """Raise NotAllowed for an actor with none of the permissions."""
    if actor is not None and not any(map(actor.has_perm, permissions)):
        raise NotAllowed


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
