"""Fixtures for names of fields: a signed-in user, a look with a video, and all stored rows."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from rest_framework.test import APIClient

from looks import use_cases
from looks.models import Look
from tests.conftest import MakeUser, SignIn
from tests.fixtures.video_jobs import MakeJob
from videos.phases import Phase
from videos.webhooks import endpoints

JOBS, LOOKS = "/api/v1/video-jobs", "/api/v1/looks"
FORM = {"mockMode": "true", "prompt": "A red dress"}
Paths = dict[str, str]


def png() -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "PNG")
    return SimpleUploadedFile("look.png", out.getvalue(), "image/png")


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.fixture
def ann(make_user: MakeUser) -> Any:
    return make_user(tokens=1000)


@pytest.fixture
def client(ann: Any, sign_in: SignIn) -> APIClient:
    return sign_in(ann)


@pytest.fixture
def paths(ann: Any, make_job: MakeJob) -> Paths:
    """The ids in the paths of the schema."""
    look, job = Look.objects.create(owner=ann, title="Stone"), make_job(ann, phase=Phase.FAILED)
    use_cases.link(look_id=look.pk, video_id=job.pk)
    webhook = endpoints.create(owner=ann, url="https://hooks.example.com", kinds=["job.updated"], origin="")
    return {"look": str(look.pk), "job": str(job.pk), "webhook": str(webhook.pk)}


def everything_stored(media: Path) -> tuple[dict[str, int], list[str]]:
    counts = {model._meta.label: model._default_manager.count() for model in apps.get_models() if model._meta.managed}
    return counts, sorted(str(path) for path in media.rglob("*") if path.is_file())
