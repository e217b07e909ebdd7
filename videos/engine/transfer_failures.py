"""Decides whether to retry a failed transfer: usually yes, because the video is billed already.

Most refusals of the storage can be fixed: a key, an account, a clock. So a job fails only when the storage never takes
the file, or when the provider has deleted it. Staff can then resume the storing (videos.recovery.resumption).
"""

import errno
import logging
from typing import Any

from django.db.models import F
from django.utils import timezone

from studio.db.storable_text import storable
from studio.media import full_disk
from studio.media.storage.base import FileRefused, StorageError
from videos.engine import metrics, outcomes, schedule
from videos.media import mp4
from videos.models import VideoJob, from_now
from videos.providers.base import ProviderError

logger = logging.getLogger(__name__)

REFUSAL_LENGTH = 500  # characters; the column's width
# Errors of our own disk that repeat until an operator fixes them.
_DISK_REFUSES = full_disk.FULL | {errno.EACCES, errno.EPERM, errno.EROFS}


class BrokenFile(mp4.NotAVideo):
    """The file from the provider cannot be played."""

    def __init__(self, reason: str, *, sha256: str) -> None:
        super().__init__(reason)
        self.sha256 = sha256


def retry_or_fail(job: VideoJob, exc: Exception) -> None:
    """Schedule another try while the provider keeps the file and a try can succeed; then fail the job."""
    code, retryable = _classify(job, exc)
    if isinstance(exc, BrokenFile):
        job.broken_result = _counted(job.broken_result, exc.sha256)
        retryable = not _stays_broken(job.broken_result)
    since = (timezone.now() - job.generated_at).total_seconds() if job.generated_at else 0
    is_over = since > schedule.TRANSFER_GIVE_UP and job.attempts + 1 >= schedule.TRANSFER_TRIES
    if not retryable or is_over:
        outcomes.fail(job=job, code=code, detail=str(exc))
        return
    later = from_now(schedule.transfer_backoff(job.attempts + 1))
    logger.warning(
        "transfer.retry_scheduled", extra={"job_id": job.pk, "attempts": job.attempts + 1, "reason": str(exc)}
    )
    if _waited_before(job) < schedule.TRANSFER_LATE <= since:  # once a job; the health check repeats it
        logger.error("transfer.late", extra={"job_id": job.pk, "seconds": round(since), "reason": str(exc)})
    refusal = storable(exc, length=REFUSAL_LENGTH) if _is_refusal(exc) else ""
    if refusal and not job.storage_refusal:  # once; the health check reports it for as long as it lasts
        logger.error("transfer.refused", extra={"job_id": job.pk, "reason": refusal})
    VideoJob.objects.update_fenced(
        job,
        attempts=F("attempts") + 1,
        missing_tries=F("missing_tries") + int(getattr(exc, "is_missing", False)),
        lease_until=later,
        due_at=later,
        broken_result=job.broken_result,
        storage_refusal=refusal,
        provider_reply=outcomes.for_staff(str(exc)),
    )


def _is_refusal(exc: Exception) -> bool:
    """Whether the storage will refuse again until an operator fixes the account, the key, the clock or the disk."""
    if isinstance(exc, StorageError):
        return not exc.retryable
    return isinstance(exc, OSError) and exc.errno in _DISK_REFUSES


def _counted(before: dict[str, Any] | None, sha256: str) -> dict[str, Any]:
    """The record of a broken file: how often the provider sent these bytes, and since when (Unix time)."""
    if before is None or before["sha256"] != sha256:
        return {"sha256": sha256, "times": 1, "since": timezone.now().timestamp()}
    return before | {"times": before["times"] + 1}


def _stays_broken(result: dict[str, Any]) -> bool:
    seconds: float = timezone.now().timestamp() - result["since"]
    return bool(result["times"] >= schedule.BROKEN_TIMES and seconds >= schedule.BROKEN_SECONDS)


def _waited_before(job: VideoJob) -> float:
    """Seconds from the end of the provider's work to the previous failed try; 0 where this is the first.

    The row was read before the claim, so it still has the end of the back-off that followed that try.
    """
    if not (job.generated_at and job.lease_until):
        return 0
    return (job.lease_until - job.generated_at).total_seconds() - schedule.transfer_backoff(job.attempts)


def _classify(job: VideoJob, exc: Exception) -> tuple[str, bool]:
    """The error code of the failure, and whether another try can succeed."""
    if isinstance(exc, ProviderError):
        metrics.count_error(job, "transfer", exc)
        return exc.code, exc.retryable
    if isinstance(exc, mp4.NotAVideo):
        return "invalid_video", True
    if isinstance(exc, StorageError):
        return "storage_failed", not isinstance(exc, FileRefused)
    logger.error("transfer.crashed", extra={"job_id": job.pk}, exc_info=exc)
    return "storage_failed", True  # a full disk is an OSError, and may have room later
