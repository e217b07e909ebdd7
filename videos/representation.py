"""How video jobs are read and shown: a statement for the rows, one for their looks, one for a story."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from rest_framework.request import Request

from looks.models import Look, LookVideo
from studio.projection import Projection, absolute, site_of
from videos.models import JobLog, VideoJob
from videos.serializers import JobLogOutput, VideoJobOutput

JOB = Projection(VideoJobOutput, VideoJob)
LINE = Projection(JobLogOutput, JobLog)


def show_page(ids: Sequence[uuid.UUID], *, request: Request) -> list[dict[str, Any]]:
    """The jobs with these ids, in this order; one that was deleted meanwhile is left out."""
    rows = {row[0]: row for row in VideoJob.objects.filter(pk__in=ids).values_list("pk", *JOB.columns)}
    looks, site = _looks_of(ids, request), site_of(request)
    return [JOB.shown(rows[pk][1:], site=site, associatedLooks=looks[pk]) for pk in ids if pk in rows]


def show_detail(job: VideoJob, *, request: Request) -> dict[str, Any]:
    """One job with its story."""
    site = site_of(request)
    lines = JobLog.objects.filter(job_id=job.pk).order_by("timestamp", "id").values_list(*LINE.columns)
    return JOB.shown(
        JOB.row_of(job),
        site=site,
        associatedLooks=_looks_of([job.pk], request)[job.pk],
        logs=[LINE.shown(line, site=site) for line in lines],
    )


def _looks_of(ids: Iterable[uuid.UUID], request: Request) -> dict[uuid.UUID, list[dict[str, Any]]]:
    """The looks of each job, in the order of linking."""
    site, url_of = site_of(request), Look._meta.get_field("image").storage.url
    looks: dict[uuid.UUID, list[dict[str, Any]]] = defaultdict(list)
    rows = LookVideo.objects.filter(video_id__in=ids).order_by("created_at", "id")
    for job_id, look_id, title, image, is_default in rows.values_list(
        "video_id", "look_id", "look__title", "look__image", "is_default"
    ):
        looks[job_id].append(
            {
                "id": str(look_id),
                "title": title,
                "generatedImageUrl": absolute(url_of(image), site=site) if image else None,
                "isDefault": is_default,
            }
        )
    return looks
