"""Jobs that are old enough to be purged, rows that grow old, and the command."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob
from videos.models import VideoJob
from videos.phases import Phase


def run(*args: str) -> dict[str, int]:
    """The number of rows of each kind."""
    out = io.StringIO()
    call_command("purge", "--json", *args, stdout=out)
    return {found["what"]: found["count"] for found in json.loads(out.getvalue())["found"]}


def age(row: Any, days: int, *fields: str) -> None:
    then = timezone.now() - timedelta(days=days)
    type(row)._default_manager.filter(pk=row.pk).update(**dict.fromkeys(fields, then))


@pytest.fixture
def jobs(make_user: MakeUser, make_job: MakeJob) -> dict[str, VideoJob]:
    """Jobs of every kind with a log line each; all but the fresh one are a year old."""
    ann = make_user()
    real = {"mock_mode": False, "provider": "google_veo"}
    made = {
        "mock": make_job(ann, phase=Phase.SUCCEEDED, poster="videos/poster.jpg"),
        "failed mock": make_job(ann, phase=Phase.FAILED, provider_reply="no"),
        "fresh mock": make_job(ann, phase=Phase.FAILED, provider_reply="fresh"),
        "live mock": make_job(ann, phase=Phase.GENERATING),
        "real": make_job(ann, phase=Phase.FAILED, provider_reply="no", **real),
    }
    for name, job in made.items():
        job.log("A line.")
        if name != "fresh mock":
            age(job, 365, *(["created_at"] if name == "live mock" else ["created_at", "completed_at"]))
    return made


def left(jobs: dict[str, VideoJob]) -> set[str]:
    ids = set(VideoJob.objects.values_list("pk", flat=True))
    return {name for name, job in jobs.items() if job.pk in ids}
