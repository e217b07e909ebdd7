"""How video jobs are read and shown: a statement for the rows, one for their looks, one for a story."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import models

from looks.models import Look, LookVideo
from studio.api.row_serializers import RowSerializer, absolute
from studio.db.statements import InParam, Param, Row, Statement
from studio.errors import NotFound
from videos.api import listing
from videos.api.serializers import JobLogOutput, VideoJobOutput
from videos.models import JobLog, VideoJob

JOB = RowSerializer(VideoJobOutput, VideoJob)
LINE = RowSerializer(JobLogOutput, JobLog)

_JOB = Statement(
    lambda: VideoJob.objects.filter(pk=Param("id", models.UUIDField())).order_by().values_list("owner", *JOB.columns)
)
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
_STORY = Statement(
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


def show_page(*, wanted: listing.Wanted, skip: int, limit: int, site: str) -> tuple[list[dict[str, Any]], int]:
    """A page of the jobs that are wanted, newest first, and how many there are in all."""
    rows, total = listing.page(wanted=wanted, columns=JOB.columns, skip=skip, limit=limit)
    looks = _looks_of([row[0] for row in rows], site)
    return [_shown(row[1:], site, looks[row[0]]) for row in rows], total


def found(*, job_id: uuid.UUID) -> tuple[uuid.UUID, Row]:
    """A job's owner, and what `show_detail` shows. Raises NotFound."""
    row = _JOB.row(id=job_id)
    if row is None:
        raise NotFound("There is no such video job.")
    return row[0], row[1:]


def owners_of(*, job_id: uuid.UUID, look_id: uuid.UUID) -> tuple[uuid.UUID, uuid.UUID]:
    """Whose the job is, and whose the look. Raises NotFound."""
    row = _OWNERS.row(id=job_id, look_id=look_id)
    if row is None:
        raise NotFound("There is no such video job.")
    if row[1] is None:
        raise NotFound("There is no such look.")
    return row[0], row[1]


def show_detail(*, job_id: uuid.UUID, row: Row, site: str) -> dict[str, Any]:
    """One job, as `found` or `RowSerializer.row_from` gives it, with its story."""
    return _shown(
        row,
        site,
        _looks_of([job_id], site)[job_id],
        logs=[LINE.serialize(line, site=site) for line in _STORY.rows(id=job_id)],
    )


def _shown(row: Row, site: str, looks: list[dict[str, Any]], **others: Any) -> dict[str, Any]:
    """A job. As long as it has no poster its look's picture stands in for one, so that a list has no empty places."""
    job = JOB.serialize(row, site=site, associatedLooks=looks, **others)
    job["posterUrl"] = job["posterUrl"] or next(filter(None, (look["thumbnailUrl"] for look in looks)), None)
    return job


def _looks_of(ids: Sequence[uuid.UUID], site: str) -> dict[uuid.UUID, list[dict[str, Any]]]:
    """The looks of each job, in the order of linking."""
    storage = Look._meta.get_field("image").storage

    def url_of(name: str) -> str | None:
        return absolute(storage.url(name), site=site) if name else None

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
