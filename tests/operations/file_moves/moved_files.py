"""Helpers of the file_moves tests: a file of every kind, its content, and the command."""

import io

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command

from accounts.models import User
from looks.models import Look, Product
from studio.media.storage import disposal
from studio.models import Disposal
from tests.fixtures.video_jobs import MakeJob
from tests.studio.media.cloudinary_files import JPEG, PNG, VIDEO
from videos.models import JobInput, VideoJob, from_now
from videos.phases import Phase


def fill(ann: User, make_job: MakeJob) -> VideoJob:
    """Stores a file of every kind."""

    def save(name: str, data: bytes) -> str:
        return default_storage.save(name, ContentFile(data))

    job = make_job(ann, phase=Phase.SUCCEEDED, video_sha256="")
    job.video.name, job.poster.name = save(f"videos/{job.pk}.mp4", VIDEO), save(f"videos/{job.pk}.jpg", JPEG)
    job.save(update_fields=["video", "poster"])
    JobInput.objects.create(
        job=make_job(ann, phase=Phase.FAILED),
        role="first_frame",
        file_name=save("inputs/a/first.png", PNG),
        content_type="image/png",
    )
    look = Look.objects.create(
        owner=ann, title="x", image=save("looks/a/p.png", PNG), thumbnail=save("looks/a/t.jpg", JPEG)
    )
    Product.objects.create(look=look, name="x", position=0, thumbnail=save("looks/a/q.jpg", JPEG))
    return job


def names() -> list[str]:
    return [
        *map(str, VideoJob.objects.exclude(video="").values_list("video", "poster")[0]),
        JobInput.objects.get().file_name,
        *map(str, Look.objects.values_list("image", "thumbnail")[0]),
        str(Product.objects.get().thumbnail),
    ]


CONTENTS = [VIDEO, JPEG, PNG, PNG, JPEG, JPEG]


def read(name: str) -> bytes:
    with default_storage.open(name) as file:
        return bytes(file.read())


def contents() -> list[bytes]:
    return [read(name) for name in names()]


def move(*arguments: str) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    status = 0
    try:
        call_command("move_files", *arguments, stdout=out, stderr=err)
    except SystemExit as exc:
        status = int(exc.code or 0)
    return status, out.getvalue() + err.getvalue()


def sweep_all() -> int:
    Disposal.objects.update(due_at=from_now(-1))
    return disposal.sweep()
