"""Represents video jobs for the API: a page from two statements, its rows and their looks, and one job from one."""

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any

from django.db import models
from django.db.models.functions import JSONObject
from rest_framework.request import Request

from accounts.permissions import Owned
from looks.models import Look, LookVideo
from studio.api.parsers import JSONRenderer
from studio.api.row_serializers import RowSerializer, Serialize
from studio.db.json_rows import JSONRows, moment
from studio.db.statements import InParam, Param, Statement
from studio.errors import NotFound
from studio.http.origins import origin_of
from videos.api import listing
from videos.api.serializers import AssociatedLook, JobLogOutput, VideoJobOutput
from videos.engine import expectations
from videos.models import JobLog, VideoJob

JOB = RowSerializer(VideoJobOutput, VideoJob)
LINE = RowSerializer(JobLogOutput, JobLog)
LOOK = RowSerializer(AssociatedLook, LookVideo)

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
_LOG = (
    JobLog.objects.filter(job=models.OuterRef("pk"))
    .order_by()
    .values("job")
    .values(rows=JSONRows(JSONObject(id="id", timestamp="timestamp", level="level", message="message")))
)
_LINKS = (
    LookVideo.objects.filter(video=models.OuterRef("pk"))
    .order_by()
    .values("video")
    .values(
        rows=JSONRows(
            JSONObject(
                created_at="created_at",
                id="id",
                look="look_id",
                title="look__title",
                image="look__image",
                thumbnail="look__thumbnail",
                is_default="is_default",
            )
        )
    )
)
# One statement: a client that polls a job pays for nothing else but its sign-in.
_DETAIL = Statement(
    lambda: (
        VideoJob.objects.filter(pk=Param("id", models.UUIDField()))
        .order_by()
        .with_retries()
        .annotate(links=models.Subquery(_LINKS), log_lines=models.Subquery(_LOG))
        .values_list("owner", "due_at", "lease_until", "phase", "links", "log_lines", *JOB.columns)
    )
)
_SEVERAL = Statement(
    lambda: (
        VideoJob.objects.filter(InParam("pk", "ids", models.UUIDField()))
        .order_by()
        .with_retries()
        .values_list("pk", *JOB.columns)
    )
)
_LOOKS = Statement(
    lambda: (
        LookVideo.objects.filter(InParam("video", "ids", models.UUIDField()))
        .order_by("created_at", "id")
        .values_list("video", *LOOK.columns)
    )
)


@dataclass(frozen=True)
class Detail:
    """A job as the API shows it, with its owner for the permission check.

    `retry_after_seconds` is when a live job is likely to have changed; None for a finished one.
    """

    owner_id: uuid.UUID
    body: dict[str, Any]
    retry_after_seconds: int | None

    @cached_property
    def text(self) -> bytes:
        """The body as every response of the API is encoded: what is sent, and what the ETag is made of."""
        return JSONRenderer().render(self.body)

    @property
    def tag(self) -> str:
        """The opaque part of the ETag: it changes if and only if the body does, whatever the change was made by."""
        return hashlib.blake2b(self.text, digest_size=16).hexdigest()


def detail(*, job_id: uuid.UUID, request: Request) -> Detail:
    """One job with its looks and its log. Raises NotFound."""
    found = _DETAIL.row(id=job_id)
    if found is None:
        raise NotFound("There is no such video job.")
    owner_id, due_at, lease_until, phase, links, lines, *row = found
    origin = origin_of(request)
    look_of, line_of = LOOK.of(origin), LINE.of(origin)
    looks = [
        look_of((uuid.UUID(link["look"]), link["title"], link["image"], link["thumbnail"], link["is_default"]))
        for link in sorted(links or (), key=itemgetter("created_at", "id"))
    ]
    logs = [
        line_of((moment(line["timestamp"]), line["level"], line["message"]))
        for line in sorted(lines or (), key=itemgetter("timestamp", "id"))
    ]
    return Detail(
        owner_id,
        _serialize(JOB.of(origin), row, looks, logs=logs),
        expectations.seconds_to_change(phase=phase, due_at=due_at, lease_until=lease_until),
    )


def page(
    *, filters: listing.Filters, skip: int, limit: int, before: uuid.UUID | None, request: Request
) -> tuple[list[dict[str, Any]], int]:
    """A page of the jobs that match, newest first, and the number of jobs on all pages; see `listing.page`."""
    origin = origin_of(request)
    rows, total = listing.page(filters=filters, columns=JOB.columns, skip=skip, limit=limit, before=before)
    looks, serialize = _looks_of([row[0] for row in rows], origin), JOB.of(origin)
    return [_serialize(serialize, row[1:], looks[row[0]]) for row in rows], total


def several(*, ids: Sequence[uuid.UUID], origin: str) -> dict[uuid.UUID, dict[str, Any]]:
    """These jobs as the list shows them, by id; those that were deleted are missing."""
    looks, serialize = _looks_of(ids, origin), JOB.of(origin)
    return {row[0]: _serialize(serialize, row[1:], looks[row[0]]) for row in _SEVERAL.rows(ids=ids)}


def owners_of(*, video_id: uuid.UUID, look_id: uuid.UUID) -> tuple[Owned, Owned]:
    """The owners of the job and the look, for the permission check. Raises NotFound."""
    row = _OWNERS.row(id=video_id, look_id=look_id)
    if row is None:
        raise NotFound("There is no such video job.")
    if row[1] is None:
        raise NotFound("There is no such look.")
    return Owned(row[0]), Owned(row[1])


def _serialize(serialize: Serialize, row: Sequence[Any], looks: list[dict[str, Any]], **extra: Any) -> dict[str, Any]:
    """A job; without a poster of its own it shows the thumbnail of its first look that has one."""
    job = serialize(row, associatedLooks=looks, **extra)
    job["posterUrl"] = job["posterUrl"] or next(filter(None, (look["thumbnailUrl"] for look in looks)), None)
    return job


def _looks_of(ids: Sequence[uuid.UUID], origin: str) -> dict[uuid.UUID, list[dict[str, Any]]]:
    """The looks of each job, in the order in which they were linked."""
    looks, serialize = defaultdict[uuid.UUID, list[dict[str, Any]]](list), LOOK.of(origin)
    for row in _LOOKS.rows(ids=ids) if ids else ():
        looks[row[0]].append(serialize(row[1:]))
    return looks
