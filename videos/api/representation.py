"""Represents video jobs for the API, from three statements: the rows of a page, their looks, the log of a job."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import models
from rest_framework.request import Request

from accounts.permissions import Owned
from looks.models import Look, LookVideo
from studio.api.row_serializers import RowSerializer, absolute, origin_of
from studio.db.statements import InParam, Param, Row, Statement
from studio.errors import NotFound
from videos.api import listing
from videos.api.serializers import JobLogOutput, VideoJobOutput
from videos.models import JobLog, VideoJob

JOB = RowSerializer(VideoJobOutput, VideoJob)
LINE = RowSerializer(JobLogOutput, JobLog)

_OWNERS = Statement(
    lambda: (
        VideoJob.objects.filter(pk=Param("id", models.UUIDField()))
        .order_by()
        .values_list(
            "owner",
            models.Subquery(
                Look.objects.filter(pk=Param("look_id", models.UUIDField())).order_by().values("owner"),
                output_field=models.UUIDField(),
            ),
        )
    )
)
_LOG = Statement(
    lambda: (
        JobLog.objects.filter(job=Param("id", models.UUIDField()))
        .order_by("timestamp", "id")
        .values_list(*LINE.columns)
    )
)
_LOOKS = Statement(
    lambda: (
        LookVideo.objects.filter(InParam("video", "ids", models.UUIDField()))
        .order_by("created_at", "id")
        .values_list("video", "look", "look__title", "look__image", "look__thumbnail", "is_default")
    )
)


def detail(job: VideoJob, request: Request) -> dict[str, Any]:
    """One job with its looks and its log."""
    origin = origin_of(request)
    logs = [LINE.serialize(line, origin=origin) for line in _LOG.rows(id=job.pk)]
    return _serialize(JOB.row_from(job), origin, _looks_of([job.pk], origin)[job.pk], logs=logs)


def page(*, filters: listing.Filters, skip: int, limit: int, request: Request) -> tuple[list[dict[str, Any]], int]:
    """A page of the jobs that match, newest first, and the number of jobs on all pages."""
    origin = origin_of(request)
    rows, total = listing.page(filters=filters, columns=JOB.columns, skip=skip, limit=limit)
    looks = _looks_of([row[0] for row in rows], origin)
    return [_serialize(row[1:], origin, looks[row[0]]) for row in rows], total


def owners_of(*, video_id: uuid.UUID, look_id: uuid.UUID) -> tuple[Owned, Owned]:
    """The owners of the job and the look, for the permission check. Raises NotFound."""
    row = _OWNERS.row(id=video_id, look_id=look_id)
    if row is None:
        raise NotFound("There is no such video job.")
    if row[1] is None:
        raise NotFound("There is no such look.")
    return Owned(row[0]), Owned(row[1])


def _serialize(row: Row, origin: str, looks: list[dict[str, Any]], **extra: Any) -> dict[str, Any]:
    """A job; without a poster of its own it shows the thumbnail of its first look that has one."""
    job = JOB.serialize(row, origin=origin, associatedLooks=looks, **extra)
    job["posterUrl"] = job["posterUrl"] or next(filter(None, (look["thumbnailUrl"] for look in looks)), None)
    return job


def _looks_of(ids: Sequence[uuid.UUID], origin: str) -> dict[uuid.UUID, list[dict[str, Any]]]:
    """The looks of each job, in the order in which they were linked."""
    storage = Look._meta.get_field("image").storage

    def url_of(name: str) -> str | None:
        return absolute(storage.url(name), origin=origin) if name else None

    looks: dict[uuid.UUID, list[dict[str, Any]]] = defaultdict(list)
    for job_id, look_id, title, image, thumbnail, is_default in _LOOKS.rows(ids=ids) if ids else ():
        looks[job_id].append(
            {
                "id": str(look_id),
                "title": title,
                "generatedImageUrl": url_of(image),
                "thumbnailUrl": url_of(thumbnail),
                "isDefault": is_default,
            }
        )
    return looks
