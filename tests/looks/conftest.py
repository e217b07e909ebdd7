"""Fixtures for looks: pictures, looks with whatever belongs to them, videos in any state, and an empty storage."""

import base64
import io
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from accounts import ledger
from accounts.models import User
from looks import use_cases
from looks.models import Look, LookVideo
from studio.media.images import read_picture
from studio.models import Disposal
from videos.models import VideoJob, from_now
from videos.phases import TERMINAL, Phase

URL = "/api/v1/looks"
MakeLook = Callable[..., Look]
MakeVideo = Callable[..., VideoJob]


def png(width: int = 40, height: int = 30, colour: str = "teal", kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, kind)
    return out.getvalue()


def upload(data: bytes | None = None, name: str = "look.png", content_type: str = "image/png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, png() if data is None else data, content_type)


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    """An empty folder as the storage."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


def stored_files(media: Path) -> list[str]:
    return sorted(str(path.relative_to(media)) for path in media.rglob("*") if path.is_file())


def nothing_kept(media: Path) -> bool:
    """No file, no row, nothing waiting to be removed."""
    return stored_files(media) == [] and not Look.objects.exists() and not Disposal.objects.exists()


@pytest.fixture
def make_look(db: None) -> MakeLook:
    """A look with a picture and two products, unless the test says otherwise."""

    def make(owner: User, *, readers: tuple[User, ...] = (), image: bytes | None = png(), **fields: Any) -> Look:
        if image:
            fields["image"] = read_picture(io.BytesIO(image))
        fields.setdefault("title", "Stone Essence")
        fields.setdefault("products", [{"name": "Linen dress", "sku": "LD-1"}, {"name": "Belt", "designer": "Åsa"}])
        return use_cases.create_look(owner=owner, shared_with_user_ids=[user.pk for user in readers], **fields)

    return make


@pytest.fixture
def make_video(db: None) -> MakeVideo:
    """A job in the phase that the test needs, valid by every constraint of the table; linked where a look is given."""

    def make(
        owner: User,
        *,
        look: Look | None = None,
        is_default: bool = False,
        phase: Phase = Phase.SUCCEEDED,
        **fields: Any,
    ) -> VideoJob:
        values: dict[str, Any] = {
            "id": uuid.uuid4(),
            "model": "veo-3.1-generate-preview",
            "resolution": "720p",
            "aspect_ratio": "16:9",
            "duration_seconds": 4,
            "mock_mode": True,
            "provider": "mock",
            "operation": "" if phase == Phase.QUEUED else "mock?",
        }
        if phase in TERMINAL:
            values |= {"completed_at": datetime.now(UTC)}
        else:
            taken = set(owner.video_jobs.live().values_list("slot", flat=True))
            values |= {"slot": min({1, 2, 3} - taken), "due_at": from_now(60)}
        if phase == Phase.SUCCEEDED:
            values |= {"progress_percentage": 100, "video": f"videos/{values['id']}.mp4"}
        if phase == Phase.FAILED:
            values |= {"error_code": "generation_failed"}
        job = VideoJob.objects.create(owner=owner, phase=phase, **(values | fields))
        ledger.count_jobs(user_id=owner.pk, more=1)
        if look:
            LookVideo.objects.create(look=look, video=job, is_default=is_default)
        return job

    return make


def put_file(name: str) -> None:
    default_storage.save(name, ContentFile(b"x"))
