"""A worker the plain way: one video at a time, from the paid call to the stored file, asleep in between.

`python -m benchmarks.reference.blocking QUEUE FACTOR` takes jobs' ids from a Redis list, as a Celery worker with
prefetch 1 and one process does; FACTOR quickens its sleep.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import django

POLL_SECONDS = 5  # as often as the product polls: rarer polls would be cheaper, and the video later


def main() -> None:
    """Work until killed."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "studio.settings"
    django.setup()
    import redis
    from django.conf import settings

    queue, factor = sys.argv[1], float(sys.argv[2])
    connection = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=None)  # BLPOP waits as long as it takes
    client = _client()
    connection.incr(f"{queue}-ready")
    while True:
        _, job_id = connection.blpop([queue])  # type: ignore[misc]  # it waits for ever, so never None
        work(client, job_id.decode(), pause=POLL_SECONDS / factor)


def _client() -> Any:
    from django.conf import settings
    from google import genai

    options = genai.types.HttpOptions(base_url=settings.GOOGLE_GEMINI_BASE_URL, api_version="v1beta", timeout=60_000)
    client = genai.Client(vertexai=False, api_key=settings.GEMINI_API_KEY, http_options=options)
    _ = client.interactions  # half of the SDK is imported here: before the clock, as the product's workers do
    return client


def work(client: Any, job_id: str, *, pause: float) -> None:
    """One video."""
    from videos.models import VideoJob

    job = VideoJob.objects.get(pk=job_id)
    interaction = client.interactions.create(
        model=job.upstream_model,
        input=[{"type": "text", "text": job.prompt}],
        response_format={
            "type": "video",
            "aspect_ratio": job.aspect_ratio,
            "resolution": job.resolution,
            "duration": f"{job.duration_seconds}s",
            "delivery": "uri",
        },
        background=True,
        store=True,
    )
    VideoJob.objects.filter(pk=job_id).update(operation=interaction.id)
    while interaction.status != "completed":
        time.sleep(pause)
        interaction = client.interactions.get(interaction.id)
        VideoJob.objects.filter(pk=job_id).update(progress_percentage=50)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        _download(interaction.output_video.uri, path)
        _store(job_id, path)


def _download(url: str, path: Path) -> None:
    import httpx
    from django.conf import settings

    headers = {"x-goog-api-key": settings.GEMINI_API_KEY}
    with (
        httpx.stream("GET", url, headers=headers, follow_redirects=True, timeout=60) as response,
        path.open("wb") as file,
    ):
        response.raise_for_status()
        for chunk in response.iter_bytes():
            file.write(chunk)


def _store(job_id: str, path: Path) -> None:
    import cloudinary.uploader
    from django.conf import settings
    from django.utils import timezone

    from videos.models import VideoJob

    account = {name: value for name, value in settings.STORAGES["default"]["OPTIONS"].items() if name != "folder"}
    response = cloudinary.uploader.upload(
        str(path), public_id=f"plain/{job_id}", resource_type="video", overwrite=True, timeout=60, **account
    )
    VideoJob.objects.filter(pk=job_id).update(
        phase="succeeded",
        slot=None,
        due_at=None,
        video=response["secure_url"],
        progress_percentage=100,
        completed_at=timezone.now(),
    )


if __name__ == "__main__":
    main()
