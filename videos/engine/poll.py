"""The poll step: ask a provider about the operation of a generating job, and store what it reports.

Claiming a job for polling also writes "still running" (videos.engine.quota). Most polls find exactly that and write
nothing more.
"""

import logging
from copy import copy
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F
from django.db.models.functions import Now

from videos.engine import metrics, outcomes, poll_times, progress, schedule
from videos.engine.hints import hint
from videos.models import VideoJob, from_now
from videos.phases import Phase
from videos.providers.base import Finished, NotCharged, Progress, ProviderError, Unreachable, VideoSpec
from videos.providers.registry import provider

logger = logging.getLogger(__name__)
PollResult = Progress | Finished | ProviderError


async def poll(job: VideoJob, spec: VideoSpec) -> PollResult:
    """Ask the provider about a generating job. A failure is returned, not raised."""
    result: PollResult
    try:
        result = await provider(job.provider).poll(job.operation, spec)
    except ProviderError as exc:
        result = exc
    except Exception as exc:  # an adapter's defect must not keep a job from its back-off and its end
        logger.exception("adapter.crashed", extra={"job_id": job.pk})
        result = Unreachable(repr(exc))
    metrics.count_poll(job, result)
    return result


def is_news(job: VideoJob, result: PollResult) -> bool:
    """Whether the result differs from what claiming the job for this poll has already written."""
    is_known = isinstance(result, Progress) and result == Progress(note=result.note) and not _is_new(job, result.note)
    return not is_known or job.attempts > 0 or job.store_tries > 0 or progress.elapsed(job) > schedule.POLL_GIVE_UP


def apply_poll_result(*, job: VideoJob, result: PollResult) -> None:
    """Store the result of a poll. One that cannot be stored counts as a failed try; the last try fails the job.

    Raises OperationalError and InterfaceError in an outage, after which the job is polled again.
    """
    try:
        with transaction.atomic():
            _apply(copy(job), result)  # a copy: a try that fails half-way may change it
    except (OperationalError, InterfaceError):
        raise
    except Exception as exc:  # bad data, or a defect: the next poll would most likely end so, too
        logger.exception("outcome.store_failed", extra={"job_id": job.pk, "store_tries": job.store_tries + 1})
        detail = f"The provider's response could not be stored ({exc!r}): {result!r}"
        _not_stored(job, detail, is_made=isinstance(result, Finished))


def _apply(job: VideoJob, result: PollResult) -> None:
    if isinstance(result, Finished):
        _finished(job, result)
    elif isinstance(result, Progress):
        _still_running(job, result)
    elif isinstance(result, NotCharged):
        outcomes.retry_later(job, job.submit_attempts, result, operation="")
        outcomes.refund_cancelled(job)
    elif result.retryable:
        _poll_again(job, result)
    else:
        _failed(job, result)


def _finished(job: VideoJob, finished: Finished) -> None:
    with transaction.atomic():
        if VideoJob.objects.transition(
            job,
            Phase.STORING,
            result=finished.result,
            due_at=from_now(schedule.REHINT),
            generated_at=Now(),
            progress_percentage=progress.GENERATED,
        ):
            job.log("The video is finished; storing it.")
            metrics.count_cost(job)
            hint("transfer", str(job.pk))
            logger.info("job.generated", extra={"job_id": job.pk})


def _still_running(job: VideoJob, running: Progress) -> None:
    elapsed = progress.elapsed(job)
    if elapsed > schedule.POLL_GIVE_UP:
        outcomes.fail(job=job, code="generation_timeout", detail="not done within two days")
        return
    wait = running.next_poll_seconds or poll_times.wait(provider=job.provider, model=job.model, age=elapsed)
    fields: dict[str, Any] = {"due_at": from_now(wait), "attempts": 0, "store_tries": 0, "missing_tries": 0}
    if _is_new(job, running.note):
        logger.warning("operation.state_unknown", extra={"job_id": job.pk, "reason": running.note})
        reply = f"{job.provider_reply}\n{outcomes.for_staff(running.note)}".strip()
        fields["provider_reply"] = outcomes.for_staff(reply)
    VideoJob.objects.show_progress(job, progress.display_progress(running.percentage or 0), **fields)


def _is_new(job: VideoJob, note: str) -> bool:
    """Whether the job's `provider_reply` does not have the note yet."""
    return bool(note) and outcomes.for_staff(note) not in job.provider_reply.splitlines()


def _poll_again(job: VideoJob, exc: ProviderError) -> None:
    elapsed = progress.elapsed(job)
    if elapsed > schedule.POLL_GIVE_UP:
        outcomes.fail(job=job, code="generation_timeout", detail=str(exc))
        return
    logger.warning("poll.failed", extra={"job_id": job.pk, "attempts": job.attempts + 1, "reason": str(exc)})
    due_at = from_now(schedule.poll_interval(elapsed, failures=job.attempts + 1))
    VideoJob.objects.update_fenced(
        job,
        due_at=due_at,
        attempts=F("attempts") + 1,
        missing_tries=F("missing_tries") + int(getattr(exc, "is_missing", False)),
        provider_reply=outcomes.for_staff(str(exc)),
    )


def _failed(job: VideoJob, exc: ProviderError) -> None:
    is_made = exc.code == "result_unreadable"  # and billed
    with transaction.atomic():
        failed = outcomes.fail(job=job, code=exc.code, detail=str(exc), is_made=is_made)
        if failed and is_made:
            metrics.count_cost(job)


def _not_stored(job: VideoJob, detail: str, *, is_made: bool) -> None:
    tries = job.store_tries + 1
    if tries >= schedule.STORE_TRIES:
        outcomes.fail(job=job, code="result_unreadable", detail=detail, is_made=is_made)
        return
    due_at = from_now(schedule.poll_interval(progress.elapsed(job), failures=tries))
    reply = outcomes.for_staff(detail)
    VideoJob.objects.update_fenced(job, due_at=due_at, store_tries=F("store_tries") + 1, provider_reply=reply)
