"""Fixtures for video jobs: rows in any phase, and an engine that runs steps when the test says so."""

import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django_rq
import pytest
from asgiref.sync import async_to_sync
from django.db.models.functions import Now

from accounts import ledger
from accounts.models import User
from tests.fakes.cloudinary import FakeCloudinary
from tests.fakes.google import FakeGoogle
from tests.studio.cloudinary_files import env_options
from videos import file_moves, generation, sweeper
from videos.models import VideoJob, from_now, new_lease
from videos.orders import Order
from videos.phases import TERMINAL, Phase
from videos.providers import registry
from videos.providers.google_client import GEMINI_URL

MakeJob = Callable[..., VideoJob]
Use = Callable[[str], None]

ORDER = Order(
    prompt="A red dress",
    model="veo-3.1-generate-preview",
    resolution="720p",
    aspect_ratio="16:9",
    duration_seconds=4,
    generate_audio=False,
    mock_mode=True,
)


@pytest.fixture
def make_job(db: None) -> MakeJob:
    """A row in the phase that the test needs, valid by every constraint of the table."""

    def make(owner: User, *, phase: Phase = Phase.QUEUED, **fields: Any) -> VideoJob:
        values: dict[str, Any] = {
            "prompt": "A red dress in the wind",
            "model": "veo-3.1-generate-preview",
            "resolution": "720p",
            "aspect_ratio": "16:9",
            "duration_seconds": 4,
            "mock_mode": True,
            "provider": "mock",
            "tokens_charged": 50,
        }
        if phase in TERMINAL:
            values |= {"completed_at": datetime.now(UTC)}
        else:
            taken = set(owner.video_jobs.live().values_list("slot", flat=True))
            values |= {"slot": min({1, 2, 3} - taken), "due_at": Now()}
        if phase in {Phase.GENERATING, Phase.STORING, Phase.SUCCEEDED}:
            values |= {"operation": "mock?began=0&seconds=1&scenario=", "started_at": datetime.now(UTC)}
        if phase == Phase.GENERATING:
            values |= {"lease": new_lease()}
        if phase == Phase.STORING:
            values |= {"generated_at": datetime.now(UTC), "result": "mock"}
        if phase == Phase.SUCCEEDED:
            job_id = uuid.uuid4()
            values |= {"id": job_id, "progress_percentage": 100, "video": f"videos/{job_id}.mp4", "video_sha256": "ab"}
        if phase == Phase.FAILED:
            values |= {"error_code": "generation_failed", "error_message": "The video could not be made."}
        job = VideoJob.objects.create(owner=owner, phase=phase, **(values | fields))
        ledger.count_jobs(user_id=owner.pk, more=1)
        return VideoJob.objects.get(pk=job.pk)

    return make


def look_at_due_jobs() -> None:
    """One round of the sweeper's polling."""
    time.sleep(0.002)  # to SQLite 15.066000, a sum, is later than 15.066, the moment that it was made of
    for job, request in sweeper.take_due_looks(100):
        generation.apply_look(job=job, seen=async_to_sync(generation.look)(job, request))


def make_due(job: VideoJob) -> None:
    """As if the time that the job waits for had come, for the sweeper and for a claim."""
    VideoJob.objects.filter(pk=job.pk).update(due_at=from_now(-1), lease_until=from_now(-1))


@pytest.fixture
def rq_hints() -> Iterator[Callable[[], dict[str, list[str]]]]:
    """What has been sent to the workers, by queue; nobody follows it in the test."""
    queues = {name: django_rq.get_queue(name) for name in ("submit", "media")}
    for queue in queues.values():
        queue.empty()
    yield lambda: {name: [job.args[0] for job in queue.jobs] for name, queue in queues.items()}
    for queue in queues.values():
        queue.empty()


@pytest.fixture
def google(settings: Any) -> Iterator[FakeGoogle]:
    """A gateway, in front of a Google that names files by its own host."""
    with FakeGoogle(omni_gives_urls=True, files_at=GEMINI_URL) as fake:
        settings.GEMINI_API_KEY, settings.GOOGLE_GEMINI_BASE_URL = "gemini-key", fake.url
        registry._made.cache_clear()
        yield fake
        registry.provider("google_omni").house.close()  # type: ignore[attr-defined]
        registry._made.cache_clear()


@pytest.fixture
def fake() -> Iterator[FakeCloudinary]:
    with FakeCloudinary() as fake:
        yield fake


@pytest.fixture
def use(fake: FakeCloudinary, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Use:
    """Set the storage of files, as CLOUDINARY_URL does; the other one is the former."""
    monkeypatch.setattr(file_moves, "PAUSES", (0.0,))
    account = env_options(fake.cloudinary_url) | {"folder": "ai-studio"}
    folder = {"BACKEND": "studio.storage.local.LocalStorage"}
    folder["OPTIONS"] = {"allow_overwrite": True, "location": str(tmp_path / "media")}  # type: ignore[assignment]
    settings.EXTERNAL_FILE_HOSTS = [fake.url]

    def chosen(name: str) -> None:
        cloud: dict[str, Any] = {"BACKEND": "studio.storage.cloudinary.CloudinaryStorage", "OPTIONS": account}
        if name == "cloudinary":
            settings.STORAGES = settings.STORAGES | {"default": cloud, "former": folder}
        else:
            cloud["BACKEND"] = "studio.storage.cloudinary.CloudinaryFolder"
            settings.STORAGES = settings.STORAGES | {"default": folder, "former": cloud}
            if name == "local alone":
                settings.STORAGES = {name: value for name, value in settings.STORAGES.items() if name != "former"}

    return chosen
