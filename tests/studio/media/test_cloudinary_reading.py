"""Reading files that Cloudinary delivers, and derived URLs."""

import io
from collections.abc import Iterator

import pytest
import urllib3
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.test import RequestFactory

from studio.http import serving
from studio.media.storage.base import FileMissing, StorageError, attachment_url, poster_url, sized_url
from studio.media.storage.cloudinary import CloudinaryStorage
from tests.fakes.cloudinary import STILL, FakeCloudinary
from tests.studio.media.cloudinary_files import (
    VIDEO,
    storage_of,
)


@pytest.fixture
def fake() -> Iterator[FakeCloudinary]:
    with FakeCloudinary() as fake:
        yield fake


@pytest.fixture
def storage(fake: FakeCloudinary) -> CloudinaryStorage:
    return storage_of(fake)


@pytest.fixture
def video(storage: CloudinaryStorage) -> str:
    return storage.save("videos/1.mp4", ContentFile(VIDEO))


def test_reading_from_anywhere(fake: FakeCloudinary, storage: CloudinaryStorage, video: str) -> None:
    with storage.open(video) as file:
        assert fake.calls("delivery") == []  # nothing is asked for before it is needed
        file.seek(300_000)
        assert file.read(10) == VIDEO[300_000:300_010]
        assert (file.seek(-5, io.SEEK_END), file.read(100)) == (len(VIDEO) - 5, VIDEO[-5:])
        file.seek(0)
        assert (file.read(4), file.tell()) == (VIDEO[:4], 4)
        assert file.seek(2, io.SEEK_CUR) == 6
        assert file.read(2) == VIDEO[6:8]
        file.seek(len(VIDEO) + 7)
        assert file.read(1) == b""
        with pytest.raises(ValueError, match="negative"):
            file.seek(-1)

    ranges = [call["range"] for call in fake.calls("delivery")]
    assert ranges == ["bytes=300000-", f"bytes={len(VIDEO) - 5}-", "bytes=0-", f"bytes={len(VIDEO) + 7}-"]


def test_file_is_for_reading_only(storage: CloudinaryStorage, video: str) -> None:
    with pytest.raises(ValueError, match="reading only"):
        storage.open(video, "wb")


def test_broken_read_resumes_at_its_offset(fake: FakeCloudinary, storage: CloudinaryStorage, video: str) -> None:
    fake.script("delivery", "truncate", times=2)

    with storage.open(video) as file:
        assert file.read() == VIDEO

    half = len(VIDEO) // 2
    ranges = [call["range"] for call in fake.calls("delivery")]
    assert ranges == ["bytes=0-", f"bytes={half}-", f"bytes={half + (len(VIDEO) - half) // 2}-"]


@pytest.mark.parametrize("fault", ["500", "429", "reset", "shifted"])
def test_read_that_stays_broken_fails(fake: FakeCloudinary, storage: CloudinaryStorage, video: str, fault: str) -> None:
    fake.script("delivery", fault, times=9)

    with storage.open(video) as file, pytest.raises(StorageError) as caught:
        file.read(1)

    assert (caught.value.retryable, len(fake.calls("delivery"))) == (True, 3)


def test_delivery_without_ranges(fake: FakeCloudinary, storage: CloudinaryStorage, video: str) -> None:
    fake.script("delivery", "rangeless")

    with storage.open(video) as file:
        file.seek(300_000)
        assert file.read(10) == VIDEO[300_000:300_010]


def test_missing_file_is_reported_as_missing(fake: FakeCloudinary, storage: CloudinaryStorage) -> None:
    with pytest.raises(FileMissing) as caught:
        storage.size("videos/2.mp4")
    with storage.open("videos/2.mp4") as file, pytest.raises(FileNotFoundError):
        file.read(1)

    assert (isinstance(caught.value, FileNotFoundError), caught.value.retryable) == (True, False)
    assert len(fake.account.calls) == 2


def test_trouble_is_not_absence(fake: FakeCloudinary, storage: CloudinaryStorage, video: str) -> None:
    fake.script("head", "401")
    fake.script("head", "503", times=3)
    fake.script("head", "lengthless", times=3)

    for reason, retryable in (("401: by script", False), ("503: by script", True), ("length", True)):
        with pytest.raises(StorageError, match=reason) as caught:
            storage.exists(video)
        assert caught.value.retryable is retryable
    assert storage.exists(video) is True


# -- Responses made of stored files


@pytest.mark.parametrize(
    ("wanted", "status", "first", "last"),
    [
        ("", 200, 0, len(VIDEO) - 1),
        ("bytes=10-19", 206, 10, 19),
        ("bytes=-5", 206, len(VIDEO) - 5, len(VIDEO) - 1),
    ],
)
def test_download(storage: CloudinaryStorage, video: str, wanted: str, status: int, first: int, last: int) -> None:
    request = RequestFactory().get("/", headers={"Range": wanted} if wanted else {})

    response = serving.stored(request, storage=storage, name=video, content_type="video/mp4", etag="ab")

    assert (response.status_code, response["Content-Length"]) == (status, str(last - first + 1))
    assert b"".join(response.streaming_content) == VIDEO[first : last + 1]  # type: ignore[union-attr]


def test_head_and_misses_fetch_nothing(fake: FakeCloudinary, storage: CloudinaryStorage, video: str) -> None:
    requests = RequestFactory()
    head = serving.stored(requests.head("/"), storage=storage, name=video, content_type="video/mp4", etag="ab")
    outside = serving.stored(
        requests.get("/", headers={"Range": f"bytes={len(VIDEO)}-"}),
        storage=storage,
        name=video,
        content_type="video/mp4",
        etag="ab",
    )

    assert (head.status_code, head["Content-Length"]) == (200, str(len(VIDEO)))
    assert outside.status_code == 416
    assert fake.calls("delivery") == []
    with pytest.raises(FileNotFoundError):
        serving.stored(requests.get("/"), storage=storage, name="videos/2.mp4", content_type="video/mp4", etag="ab")


# -- Derived URLs


def test_poster_and_attachment(storage: CloudinaryStorage, video: str) -> None:
    poster = urllib3.request("GET", str(poster_url(storage=storage, name=video)))
    url = attachment_url(storage=storage, name=video, file_name="größe: a.red-dress_1.mp4")
    attachment = urllib3.request("GET", url)

    assert poster.data == STILL + b"ai-studio/videos/1"
    assert attachment.data == VIDEO
    assert attachment.headers["Content-Disposition"] == 'attachment; filename="gr-e-a-red-dress_1.mp4"'
    assert "/upload/fl_attachment/v" in storage.attachment_url(video, "…")


def test_service_scales_our_pictures_and_no_others(storage: CloudinaryStorage) -> None:
    ours = sized_url(storage=storage, name="looks/1.png", side=960)
    external = sized_url(storage=storage, name="elsewhere:https://old.example.com/a.jpg", side=960)

    assert "/image/upload/c_limit,f_auto,h_960,q_auto,w_960/v1/ai-studio/looks/1.png" in ours
    assert external == "https://old.example.com/a.jpg"


def test_other_storages_derive_nothing() -> None:
    local = FileSystemStorage(base_url="/media/")

    assert sized_url(storage=local, name="looks/1.png", side=960) == "/media/looks/1.png"

    assert poster_url(storage=local, name="videos/1.mp4") is None
    assert attachment_url(storage=local, name="videos/1.mp4", file_name="x.mp4") == "/media/videos/1.mp4"
