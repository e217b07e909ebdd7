"""Ends a step without a video: the job fails, is queued again, or is rerouted to another upstream."""

import logging
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from accounts import ledger
from accounts.models import User
from studio.db.storable_text import storable
from videos import routing, suspension
from videos.engine import metrics, schedule
from videos.engine.hints import hint
from videos.failures import ADOPTABLE, CANCELLED, FAILURES, cost_of_attempt, is_refunded
from videos.models import Event, JobLog, VideoJob, events, from_now
from videos.phases import Phase
from videos.providers.base import NotAccepted, NotCharged, ProbablyNotAccepted, ProviderError, Refused

logger = logging.getLogger(__name__)

STAFF_LENGTH = 10_000  # characters of a provider's reply


def refuse(job: VideoJob, exc: ProviderError) -> None:
    """The provider refused the job: reroute it if the upstream no longer generates videos, else fail it.

    A job with a submit in doubt always fails: a provider may have accepted it already.
    """
    if not suspension.concerns_upstream(exc):
        fail(job=job, code=exc.code, detail=str(exc), was_accepted=not isinstance(exc, Refused))
        return
    refused_by = [*(job.refused_by or []), [job.provider, job.upstream_model, exc.code]]
    with transaction.atomic():
        route = None if job.doubtful_submits else routing.next_route(job=job, refused_by=refused_by)
        moved = _reroute(job, route, exc, refused_by) if route else fail(job=job, code=exc.code, detail=str(exc))
        if moved and (route or exc.code in suspension.CODES_OF_THE_MODEL):
            suspension.count_refusal(job=job, exc=exc)


def _reroute(job: VideoJob, route: routing.Route, exc: ProviderError, refused_by: list[list[str]]) -> bool:
    """Queue the job for another upstream: nothing was accepted, so nothing is paid twice."""
    if not VideoJob.objects.transition(
        job,
        Phase.QUEUED,
        provider=route.provider,
        upstream_model=route.upstream_model,
        refused_by=refused_by,
        lasting_refusals=0,
        provider_reply=for_staff(str(exc)),
        lease_until=None,
        due_at=from_now(schedule.REHINT),
    ):
        return False
    job.log("The video service could not accept this video; another one will generate it.", level=JobLog.Level.WARNING)
    hint("submit", str(job.pk))
    facts = {
        "job_id": job.pk,
        "refused_by": ": ".join(refused_by[-1]),
        "passed_to": f"{route.provider}: {route.upstream_model}",
        "reason": str(exc),
    }
    transaction.on_commit(lambda: logger.warning("job.rerouted", extra=facts))
    return True


def retry_later(job: VideoJob, attempts: int, exc: NotAccepted | NotCharged, **fields: Any) -> None:
    """Queue the job again after a back-off, at no cost; after the last attempt it fails.

    A lasting limit gets longer waits and a count of its own: it has nothing to do with this job.
    """
    tries, last, pause = attempts, len(schedule.SUBMIT_BACKOFF), 0.0
    fields["attempts"] = attempts + 1
    if isinstance(exc, NotAccepted):
        pause = min(exc.pause_seconds, schedule.PAUSE_MOST)
        if exc.lasts:
            tries, last = job.lasting_refusals, schedule.LASTING_SUBMITS
            fields |= {"attempts": attempts, "lasting_refusals": tries + 1}
    if tries >= last:
        fail(job=job, code=exc.code, detail=str(exc), was_accepted=False)
        return
    usual = schedule.SUBMIT_BACKOFF[min(tries, len(schedule.SUBMIT_BACKOFF) - 1)]
    _queue_again(job, max(usual, pause), exc, **fields)


def retry_in_doubt(job: VideoJob, exc: ProbablyNotAccepted) -> None:
    """Queue the job again, once. After the second refusal in doubt it fails: either submit may have been paid for."""
    doubtful = job.doubtful_submits + 1
    if doubtful >= schedule.DOUBTFUL_SUBMITS:
        detail = f"{doubtful} submits were refused, and may have been accepted all the same; the last response: {exc}"
        fail(job=job, code="submission_unknown", detail=detail)
        return
    pause = max(schedule.DOUBTFUL_PAUSE, min(exc.pause_seconds, schedule.PAUSE_MOST))
    reply = for_staff(str(exc))
    _queue_again(job, pause, exc, attempts=job.attempts, doubtful_submits=doubtful, provider_reply=reply)


def _queue_again(job: VideoJob, pause: float, exc: ProviderError, **fields: Any) -> None:
    later = from_now(pause)
    logger.warning("submit.retry_scheduled", extra={"job_id": job.pk, "pause_seconds": pause, "reason": str(exc)})
    with transaction.atomic():
        if VideoJob.objects.transition(job, Phase.QUEUED, lease_until=later, due_at=later, **fields):
            job.log(_RETRY_MESSAGES[type(exc)], level=JobLog.Level.WARNING)


_RETRY_MESSAGES = {
    NotAccepted: "The video service is busy; trying again shortly.",
    ProbablyNotAccepted: "The video service is busy; trying again shortly.",
    NotCharged: "The video service gave up on this video and charged nothing; trying again shortly.",
}


def fail(*, job: VideoJob, code: str, detail: str = "", was_accepted: bool = True, is_made: bool = False) -> bool:
    """Fail a job: free its slot, and refund its tokens where the policy says so, in one transaction.

    Returns False when another process has moved the job meanwhile. Its pictures are kept for a while, so that staff can
    retry it (videos.staff_actions). `detail` is for logs and staff; for `was_accepted` see failures.is_refunded.
    `is_made`: the provider generates and bills the video. After a submit in doubt, a job that is not known to be
    accepted always fails as submission_unknown, unless it is cancelled.
    """
    if _may_have_been_accepted(job) and code not in ADOPTABLE | CANCELLED:
        code, detail = "submission_unknown", f"a submit before was in doubt; then {code}: {detail}"
    failure = FAILURES[code]
    comes_back = is_refunded(code, policy=settings.REFUND_POLICY, was_accepted=was_accepted)
    with transaction.atomic():
        if not VideoJob.objects.lock_fenced(job):
            return False
        # before the transition, which records an event (lock order: job, account, event counter)
        tokens = _return_tokens(job, note=f"video job failed: {code}") if comes_back else 0
        VideoJob.objects.transition(
            job,
            Phase.FAILED,
            error_code=code,
            error_message=failure.message,
            provider_reply=for_staff(detail),
            **({"tokens_refunded": tokens} if tokens else {}),
            **({"generated_at": Now()} if is_made else {}),
        )
        job.log(failure.message, level=JobLog.Level.ERROR)
        if tokens or (job.tokens_charged and not comes_back and not job.tokens_refunded):
            job.log(cost_of_attempt(charged=job.tokens_charged, refunded=tokens))
        metrics.count_end(Phase.FAILED, code)
        facts = {"job_id": job.pk, "failure_code": code, "reason": detail[:500]}
        # staff may recover what was billed
        level = logging.ERROR if failure.adoptable or failure.resumable else logging.INFO
        transaction.on_commit(lambda: logger.log(level, "job.failed", extra=facts))
    return True


def _may_have_been_accepted(job: VideoJob) -> bool:
    """Whether a submit in doubt may have been accepted, while none is known to have been."""
    return bool(job.doubtful_submits) and job.phase in {Phase.QUEUED, Phase.SUBMITTING}


def for_staff(text: str) -> str:
    """A vendor's text, made storable and cut to STAFF_LENGTH."""
    return storable(text, length=STAFF_LENGTH)


def refund(*, job: VideoJob, note: str, actor: User | None = None) -> int:
    """Refund the charge of a locked job, once; returns the refunded tokens, 0 for a repeat."""
    with transaction.atomic():
        tokens = _return_tokens(job, note=note, actor=actor)
        if tokens:
            VideoJob.objects.filter(pk=job.pk).update(tokens_refunded=tokens, updated_at=Now())
            job.log(cost_of_attempt(charged=job.tokens_charged, refunded=tokens))
            events.record(Event.Kind.UPDATED, [(job.owner_id, job.pk)])
    return tokens


def _return_tokens(job: VideoJob, *, note: str, actor: User | None = None) -> int:
    tokens = ledger.refund(user_id=job.owner_id, job_id=job.pk, note=note, actor=actor)
    if tokens:
        job.tokens_refunded = tokens
    return tokens


def refund_cancelled(job: VideoJob) -> None:
    """Refund a job that was cancelled while the provider refused it for certain, where the policy says so.

    The cancellation came before the reply, so it counted the job as accepted.
    """
    if not is_refunded("cancelled", policy=settings.REFUND_POLICY, was_accepted=False):
        return
    with transaction.atomic():
        for cancelled in VideoJob.objects.select_for_update().filter(pk=job.pk, error_code="cancelled"):
            refund(job=cancelled, note="video job cancelled, and not accepted by the provider")
