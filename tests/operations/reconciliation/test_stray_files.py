"""Files that no row refers to: which are named, and in how many statements."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from looks.models import Look, Product
from operations.reconciliation import stray_files
from operations.reconciliation.stray_files import stored_names, stray_names
from studio.media.storage import disposal
from studio.media.storage.local import LocalStorage
from studio.models import Disposal
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob
from videos.models import JobInput, VideoJob
from videos.phases import Phase

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(make_user: MakeUser) -> User:
    return make_user()


def known_names(owner: User, make_job: MakeJob) -> list[str]:
    """A file name in every column that holds one, with and without the row's id."""
    job = make_job(owner, phase=Phase.SUCCEEDED, poster="videos/poster.jpg")
    look = Look.objects.create(owner=owner, title="Red", image="https://host/v1/looks/a.png", thumbnail="looks/b.png")
    own = f"looks/{look.pk}/image.png"
    named = Look.objects.create(owner=owner, title="Blue", image=own, thumbnail=f"looks/{look.pk}/small.png")
    Product.objects.create(look=named, position=0, name="Hat", thumbnail=f"looks/{named.pk}/hat.png")
    JobInput.objects.create(job=job, role="first_frame", file_name=f"inputs/{job.pk}/first.png")
    disposal.dispose(["videos/going.mp4"], after_seconds=60)
    names = [str(job.video.name), "videos/poster.jpg", f"inputs/{job.pk}/first.png", "videos/going.mp4"]
    return [*names, "https://host/v1/looks/a.png", "looks/b.png", own, f"looks/{named.pk}/hat.png"]


def test_only_files_without_a_row_are_named(owner: User, make_job: MakeJob) -> None:
    known = known_names(owner, make_job)
    job = VideoJob.objects.get()

    found = list(stray_names([*known, "videos/stray.mp4", f"videos/{job.pk}-old.mp4"]))

    assert found == [f"videos/{job.pk}-old.mp4", "videos/stray.mp4"]


def statements(names: list[str]) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert list(stray_names(names)) == []
    return len(captured)


def test_a_page_takes_five_statements_however_many_names_it_has(owner: User, make_job: MakeJob) -> None:
    jobs = [make_job(owner, phase=Phase.SUCCEEDED) for _ in range(7)]

    assert statements([str(jobs[0].video.name)]) == 5
    assert statements([str(job.video.name) for job in jobs]) == 5


def test_pages_are_compared_one_by_one(owner: User, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stray_files, "PAGE", 2)
    monkeypatch.setattr(stray_files, "UNCLEAR_MAX", 4)
    known = known_names(owner, make_job)
    read: list[str] = []

    def names() -> Iterator[str]:
        for number, name in enumerate(known):
            for one in (name, f"videos/stray-{number}.mp4"):
                read.append(one)
                yield one

    found = stray_names(names())
    first = next(found)
    read_until_then = len(read)

    assert (first, read_until_then < len(known) * 2) == ("videos/stray-0.mp4", True)
    assert [first, *found] == [f"videos/stray-{number}.mp4" for number in range(len(known))]


def test_file_that_its_row_gives_up_between_two_statements_is_no_stray(
    owner: User, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(owner, phase=Phase.SUCCEEDED)
    name = str(job.video.name)
    known_by_id = stray_files._known_by_id

    def just_deleted(names: list[str]) -> set[str]:
        VideoJob.objects.all().delete()
        known = known_by_id(names)
        Disposal.objects.all().delete()
        disposal.dispose([name])
        return known

    monkeypatch.setattr(stray_files, "_known_by_id", just_deleted)

    assert list(stray_names([name])) == []


def test_local_folders_are_read_to_their_depth(tmp_path: Path) -> None:
    storage = LocalStorage(location=tmp_path)
    names = {"videos/1.mp4", "inputs/deep/er/2.png", "looks/3.png"}
    for name in [*names, "probe/doctor.png"]:
        storage.save(name, ContentFile(b"x"))

    assert set(stored_names(storage)) == names
    assert list(stored_names(LocalStorage(location=tmp_path / "none"))) == []


def test_a_storage_that_lists_nothing_has_no_strays(settings: Any) -> None:
    class Silent:
        def listdir(self, path: str) -> Any:
            raise NotImplementedError

    assert list(stored_names(Silent())) == []  # type: ignore[arg-type]
