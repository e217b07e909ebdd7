"""Adapters pointed at the fake Google, and requests for them."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage
from PIL import Image as Pillow
from PIL import ImageDraw
from pytest_django import Settings

from tests.fakes.google import FakeGoogle
from tests.fakes.google_account import video_of_length
from videos.providers.base import Finished, Image, Operation, Progress, Provider, VideoSpec
from videos.providers.google_omni import Omni, OmniOnVertex
from videos.providers.google_veo import Veo, VeoOnVertex
from videos.providers.mock import Mock

ADAPTERS: dict[str, Callable[[], Any]] = {
    "mock": Mock,
    "google_veo": Veo,
    "google_vertex": VeoOnVertex,
    "google_omni": Omni,
    "google_omni_vertex": OmniOnVertex,
}
GOOGLES = [name for name in ADAPTERS if name != "mock"]
SUBMITTING = [name for name in GOOGLES if name != "google_veo"]  # Veo with a key has ended
MODELS = {
    "mock": "mock",
    "google_veo": "veo-3.1-generate-preview",
    "google_vertex": "veo-3.1-generate-001",
    "google_omni": "gemini-omni-1.2-flash",
    "google_omni_vertex": "gemini-omni-1.2-flash",
}

Make = Callable[[str], Any]


@pytest.fixture
def google() -> Iterator[FakeGoogle]:
    with FakeGoogle(video=video_of_length(1)) as fake:
        yield fake


@pytest.fixture
def make(google: FakeGoogle, settings: Settings) -> Iterator[Make]:
    """The adapter of that name, set up to work against the fake."""
    settings.GEMINI_API_KEY, settings.VERTEX_API_KEY = "gemini-key", "vertex-key"
    settings.GOOGLE_GEMINI_BASE_URL = settings.GOOGLE_VERTEX_BASE_URL = google.url
    settings.VERTEX_PROJECT = settings.VERTEX_OUTPUT_GCS_URI = ""
    made = []

    def adapter(name: str) -> Provider:
        made.append(ADAPTERS[name]())
        return made[-1]

    yield adapter
    for each in made:
        if hasattr(each, "backend"):
            each.backend.close()


def ask(name: str, **changes: Any) -> VideoSpec:
    """A request that the adapter of that name can fulfil."""
    values: dict[str, Any] = {
        "job_id": "job",
        "model": MODELS[name],
        "prompt": "A red dress in the wind",
        "resolution": "720p",
        "aspect_ratio": "16:9",
        "duration_seconds": 4,
        "generate_audio": False,
    }
    return VideoSpec(**(values | changes))


def begin(adapter: Any, name: str, google: FakeGoogle) -> Operation:
    """Submit a video: by the adapter, or, with Veo by key, as until October 2026."""
    if name != "google_veo":
        return adapter.start(ask(name))
    body = {
        "instances": [{"prompt": "A red dress in the wind"}],
        "parameters": {"sampleCount": 1, "durationSeconds": 4, "resolution": "720p", "aspectRatio": "16:9"},
    }
    return Operation(google.account.accept("gemini", "", MODELS[name], body).name, 1)


def picture(data: bytes, content_type: str = "image/jpeg") -> Image:
    storage = InMemoryStorage()
    return Image(storage, storage.save("picture", ContentFile(data)), content_type)


def poll(adapter: Provider, operation: str, request: VideoSpec) -> Progress | Finished:
    """One poll in its own event loop."""

    async def poll_once() -> Progress | Finished:
        return await adapter.poll(operation, request)

    return asyncio.run(poll_once())


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A square photo of four colours."""
    image = Pillow.new("RGB", (640, 640), "crimson")
    draw = ImageDraw.Draw(image)
    draw.rectangle((320, 0, 640, 320), fill="gold")
    draw.rectangle((0, 320, 320, 640), fill="teal")
    draw.rectangle((320, 320, 640, 640), fill="navy")
    image.save(tmp_path / "photo.png")
    return tmp_path / "photo.png"
