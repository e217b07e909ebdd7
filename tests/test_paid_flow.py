"""The documents' two creation examples, unchanged, on the running product in front of the fakes."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fakes.cloudinary import FakeCloudinary
from tests.fakes.google import FakeGoogle
from tests.fixtures.looks import png
from tests.running import RunningStudio, wait_for
from videos.providers.google_client import GEMINI_URL
from videos.providers.mock_video import render

pytestmark = [pytest.mark.slow, pytest.mark.product, pytest.mark.xdist_group("paid flow")]
JOBS = "/api/v1/video-jobs"
EXAMPLE = {  # as a browser's FormData sends it
    "model": "veo-3.1-generate-preview",
    "resolution": "720p",
    "aspectRatio": "16:9",
    "durationSeconds": "8",
    "generateAudio": "false",
    "mockMode": "false",
}


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeGoogle]:
    path = tmp_path_factory.mktemp("video") / "video.mp4"
    silent: dict[str, Any] = {"width": 128, "height": 72, "duration_seconds": 8, "generate_audio": False}
    render(destination=path, prompt="the fake's", first_frame=None, seed="paid", **silent)
    # a gateway's: files are named by Google's own host
    with FakeGoogle(video=path.read_bytes(), work_seconds=1, omni_gives_urls=True, files_at=GEMINI_URL) as fake:
        yield fake


@pytest.fixture(scope="module")
def cloudinary() -> Iterator[FakeCloudinary]:
    with FakeCloudinary() as fake:
        yield fake


@pytest.fixture(scope="module")
def studio(
    google: FakeGoogle, cloudinary: FakeCloudinary, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningStudio]:
    running = RunningStudio(
        tmp_path_factory.mktemp("paid"),
        GEMINI_API_KEY="gemini-key",
        GOOGLE_GEMINI_BASE_URL=google.url,
        CLOUDINARY_URL=cloudinary.cloudinary_url,
    )
    yield running
    running.stop()


def create(client: httpx.Client, **fields: str) -> dict[str, Any]:
    response = client.post(JOBS, files={name: (None, value) for name, value in (EXAMPLE | fields).items()})
    assert response.status_code == 202, response.text
    body: dict[str, Any] = response.json()
    return body


def test_both_examples_end_with_the_providers_bytes(
    studio: RunningStudio, google: FakeGoogle, cloudinary: FakeCloudinary
) -> None:
    with studio.client("ann@example.com") as client:
        look = client.post(
            "/api/v1/looks", data={"title": "Stone Essence"}, files={"generatedImage": ("look.png", png(), "image/png")}
        ).json()
        jobs = [
            create(client, prompt="Model wearing the dress", lookId=look["id"]),
            create(client, prompt="A sunset scene"),
        ]
        done = wait_for(client, [job["id"] for job in jobs], seconds=90)
        delivered = [httpx.get(job["cloudinaryUrl"]).content for job in done]
        downloaded = [client.get(f"{JOBS}/{job['id']}/download").content for job in done]
        part = client.get(f"{JOBS}/{done[0]['id']}/download", headers={"Range": "bytes=10-19"})
        shown = client.get(f"/api/v1/looks/{look['id']}").json()
        balance = client.get("/api/v1/tokens").json()["balance"]

    video = google.account.video
    assert video is not None
    assert [job["status"] for job in done] == ["SUCCEEDED", "SUCCEEDED"]
    assert delivered == downloaded == [video, video]
    assert (part.status_code, part.content) == (206, video[10:20])
    assert all(job["cloudinaryUrl"].startswith(f"{cloudinary.url}/demo/video/upload/v") for job in done)
    assert [video["id"] for video in shown["videos"]] == [done[0]["id"]]
    assert len(google.account.works) == len(google.calls("submit")) == 2
    assert balance == 900


def test_doctor_is_content_and_then_is_not(studio: RunningStudio, google: FakeGoogle) -> None:
    well = studio.manage("doctor")
    google.script("probe", "401", times=10)
    ill = studio.manage("doctor", check=False)

    assert "ok    google" in well
    assert "ok    storage" in well
    assert "FAIL  google" in ill
