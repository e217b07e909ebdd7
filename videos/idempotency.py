"""Idempotency keys: a repeat of a request within a day answers its job, and never makes or charges a second one."""

import uuid
from datetime import timedelta
from typing import Any, cast

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from studio.errors import Conflict
from videos.models import SpentKey, VideoJob

# What begins a key of ours. HTTP takes the blanks around a header's value away (RFC 9110, 5.5), and so does
# `videos.api.views`: no client can send such a key, and take it from staff.
OURS = " "
KEY_HOURS = 24  # from the request that it came with; what the contract promises


def earlier_job(*, owner_id: uuid.UUID, key: str, digest: str) -> VideoJob | None:
    """The job that this key has made within the last day; an older one gives its key up.

    Decisive only while the owner's account is locked. Raises Conflict when the key came with another order, and when
    its job is deleted.
    """
    if not key:
        return None
    # Jobs first: a deletion writes the key down and takes the job away in one commit, so one of the two is seen.
    found = _job_of(owner_id, key) or _spent(owner_id, key).first()
    if found and found.request_digest != digest:
        raise Conflict("This Idempotency-Key was used for another request.", code="idempotency_key_reused")
    if isinstance(found, SpentKey):
        raise Conflict(
            "The video job of this Idempotency-Key was deleted; send a new key for a new video.",
            code="idempotent_job_deleted",
        )
    return found


def retry_key(*, job_id: uuid.UUID) -> str:
    """The key of the job that staff has made again from a failed one: who clicks twice gets one job."""
    return f"{OURS}retry-{job_id}"


def is_spent(*, owner_id: uuid.UUID, key: str) -> bool:
    """Whether the key has made a job within the last day, deleted or not. Decisive while the account is locked."""
    jobs = VideoJob.objects.filter(owner_id=owner_id, idempotency_key=key, created_at__gte=_day_ago())
    return jobs.exists() or _spent(owner_id, key).exists()


def _job_of(owner_id: uuid.UUID, key: str) -> VideoJob | None:
    # read first: nearly every key is new, and a write, if only of no row, makes SQLite's writers wait for each other
    jobs = VideoJob.objects.filter(owner_id=owner_id, idempotency_key=key)
    job: Any = jobs.annotate(is_old=Q(created_at__lt=_day_ago())).first()
    if job and job.is_old:
        jobs.filter(pk=job.pk).update(idempotency_key="", updated_at=Now())
        return None
    return cast("VideoJob | None", job)


def _spent(owner_id: uuid.UUID, key: str) -> "QuerySet[SpentKey]":
    return SpentKey.objects.filter(owner_id=owner_id, key=key, used_at__gte=_day_ago())


def keep_key(*, job: VideoJob) -> None:
    """Call in the transaction that deletes the job: its key stays spent until its day is over."""
    if not job.idempotency_key:
        return
    key = SpentKey(
        owner_id=job.owner_id, key=job.idempotency_key, request_digest=job.request_digest, used_at=job.created_at
    )
    SpentKey.objects.bulk_create(  # an upsert: an expired row of the same key may still be there
        [key], update_conflicts=True, unique_fields=["owner", "key"], update_fields=["request_digest", "used_at"]
    )


def forget_old_keys() -> int:
    """Remove what is of no use any more; returns how many went."""
    return SpentKey.objects.filter(used_at__lt=_day_ago()).delete()[0]


def _day_ago() -> Any:
    return Now() - timedelta(hours=KEY_HOURS)
