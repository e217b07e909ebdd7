"""`reconcile --strays` lists the stored files that no row refers to, in a folder and at Cloudinary."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from accounts.models import User
from looks.models import Look
from operations.reconciliation import stray_listing
from studio.media.storage import disposal
from studio.models import Disposal
from tests.conftest import MakeUser
from tests.fakes.cloudinary import FakeCloudinary
from tests.fixtures.video_jobs import MakeJob
from tests.studio.media.cloudinary_files import PNG, VIDEO, backend_of
from videos.models import VideoJob
from videos.phases import Phase

pytestmark = pytest.mark.django_db
LOST = "videos/11111111-2222-4333-8444-555555555555.mp4"


@pytest.fixture
def fake() -> Iterator[FakeCloudinary]:
    with FakeCloudinary(page_most=2) as fake:
        yield fake


@pytest.fixture(params=["local", "cloudinary"])
def ann(
    request: pytest.FixtureRequest, fake: FakeCloudinary, settings: Any, tmp_path: Path, make_user: MakeUser
) -> User:
    """A user of either storage."""
    chosen: dict[str, Any] = {
        "BACKEND": "studio.media.storage.local.LocalStorage",
        "OPTIONS": {"allow_overwrite": True, "location": str(tmp_path / "media")},
    }
    if request.param == "cloudinary":
        chosen = backend_of(fake)
    settings.STORAGES = settings.STORAGES | {"default": chosen}
    return make_user()


def save(name: str, data: bytes) -> str:
    return default_storage.save(name, ContentFile(data))


def strays() -> tuple[int, list[dict[str, Any]]]:
    out, status = io.StringIO(), 0
    try:
        call_command("reconcile", strays=True, json=True, stdout=out)
    except SystemExit as exc:
        status = int(exc.code or 0)
    return status, [json.loads(line) for line in out.getvalue().splitlines()]


def test_files_without_a_row_are_listed(
    ann: User, make_job: MakeJob, fake: FakeCloudinary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stray_listing, "PAGE", 2)
    for _ in range(3):
        job = make_job(ann, phase=Phase.SUCCEEDED)
        name = save(f"videos/{job.pk}.mp4", VIDEO)
        VideoJob.objects.filter(pk=job.pk).update(video=name)
    Look.objects.create(owner=ann, title="x", image=save("looks/a/p.png", PNG), thumbnail=save("looks/a/t.png", PNG))
    disposal.register("inputs/a/waiting.png")
    save("inputs/a/waiting.png", PNG)
    everything = strays()
    lost, other = save(LOST, VIDEO), save("looks/b/p.png", PNG)

    status, found = strays()

    assert everything == (0, [])
    assert (status, [(file["name"], file["bytes"]) for file in found]) == (1, [(lost, len(VIDEO)), (other, len(PNG))])
    assert all(file["modifiedAt"].startswith("20") for file in found)


def test_file_that_was_stored_again_is_no_stray(ann: User, make_job: MakeJob) -> None:
    job = make_job(ann, phase=Phase.SUCCEEDED)
    first = save(f"videos/{job.pk}.mp4", VIDEO)
    VideoJob.objects.filter(pk=job.pk).update(video=first)
    save(f"videos/{job.pk}.mp4", VIDEO)  # at Cloudinary it has another version, and so another URL

    assert strays() == (0, [])


def test_copy_of_a_move_is_no_stray(ann: User, make_job: MakeJob, fake: FakeCloudinary) -> None:
    name = save(LOST, VIDEO)
    prefix = "cloudinary:" if name.startswith("http") else ""
    Disposal.objects.create(name=f"{prefix}{LOST}", due_at="2026-01-01T00:00Z")

    assert strays() == (0, [])


@pytest.mark.parametrize("ann", ["cloudinary"], indirect=True)
@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("420", "allows 500 calls an hour, and they are used up; the limit resets: Mon, 30 Nov 2026 03:00:00 GMT"),
        ("401 Invalid credentials", "responded 401: Invalid credentials"),
        ("500", "responded 500: by script"),
        ("garbage", "the response is not Cloudinary's"),
        ("reset", "no response from Cloudinary's Admin API"),
        ('{"resources": [{"public_id": 7}]}', "listing has an unknown form"),
    ],
)
def test_listing_that_fails_is_a_sentence(ann: User, fake: FakeCloudinary, fault: str, sentence: str) -> None:
    for number in range(3):
        save(f"videos/{number}.mp4", VIDEO)
    fake.script("list", fault, times=9, skip=1)

    with pytest.raises(CommandError, match=sentence):
        call_command("reconcile", strays=True, stdout=io.StringIO())


def test_default_output_is_a_table(ann: User) -> None:
    save(LOST, VIDEO)
    out = io.StringIO()

    with pytest.raises(SystemExit):
        call_command("reconcile", strays=True, stdout=out)

    lines = out.getvalue().splitlines()
    assert (len(lines), lines[0].split()[1], lines[1]) == (2, f"{len(VIDEO):,}", "1 files without a row, 0.5 MB.")
