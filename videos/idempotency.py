"""Idempotency keys: within a day, a repeated request returns the first job, and creates and charges none."""

import uuid
from typing import Any, cast

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from studio.errors import Conflict
from studio.idempotency import KeyReused, day_ago
from videos.models import SpentKey, VideoJob

# The prefix of the server's own keys. HTTP strips blanks around a header's value (RFC 9110, 5.5), and so does
# `studio.api.idempotency`, so that no client can send such a key.
SERVER_PREFIX = " "


def earlier_job(*, owner_id: uuid.UUID, key: str, digest: str) -> VideoJob | None:
    """The job that this key created within the last day, or None; the key of an older job becomes free.

    Decisive only while the owner's account is locked. Raises Conflict where the key came with another request, or its
    job is deleted.
    """
    if not key:
        return None
    # Jobs first: a deletion stores the key and removes the job in one commit, so that one of the two is found.
    found = _job_of(owner_id, key) or _spent(owner_id, key).first()
    if found and found.request_digest != digest:
        raise KeyReused
    if isinstance(found, SpentKey):
        raise JobDeleted
    return found


class JobDeleted(Conflict):
    """The job that the request created, now or before, was deleted since."""

    code = "idempotent_job_deleted"
    message = "The video job of this Idempotency-Key was deleted; send a new key for a new video."


def retry_key(*, job_id: uuid.UUID) -> str:
    """The key of a staff member's retry of a failed job, so that a double click creates one job."""
    return f"{SERVER_PREFIX}retry-{job_id}"


def is_spent(*, owner_id: uuid.UUID, key: str) -> bool:
    """Whether the key created a job within the last day, deleted or not. Decisive while the account is locked."""
    jobs = VideoJob.objects.filter(owner_id=owner_id, idempotency_key=key, created_at__gte=day_ago())
    return jobs.exists() or _spent(owner_id, key).exists()


def _job_of(owner_id: uuid.UUID, key: str) -> VideoJob | None:
    # Read first: nearly every key is new, and even an UPDATE of no row would take SQLite's write lock.
    jobs = VideoJob.objects.filter(owner_id=owner_id, idempotency_key=key)
    job: Any = jobs.annotate(is_old=Q(created_at__lt=day_ago())).first()
    if job and job.is_old:
        jobs.filter(pk=job.pk).update(idempotency_key="", updated_at=Now())
        return None
    return cast("VideoJob | None", job)


def _spent(owner_id: uuid.UUID, key: str) -> "QuerySet[SpentKey]":
    return SpentKey.objects.filter(owner_id=owner_id, key=key, used_at__gte=day_ago())


def keep_key(*, job: VideoJob) -> None:
    """Keep a deleted job's key spent until its day is over; call it in the transaction that deletes the job."""
    if not job.idempotency_key:
        return
    key = SpentKey(
        owner_id=job.owner_id, key=job.idempotency_key, request_digest=job.request_digest, used_at=job.created_at
    )
    SpentKey.objects.bulk_create(  # an upsert: an expired row of the same key may still exist
        [key], update_conflicts=True, unique_fields=["owner", "key"], update_fields=["request_digest", "used_at"]
    )


def forget_old_keys() -> int:
    """Delete expired keys; returns their number."""
    return SpentKey.objects.filter(used_at__lt=day_ago()).delete()[0]
