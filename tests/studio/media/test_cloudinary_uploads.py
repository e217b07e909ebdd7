"""Uploads to Cloudinary and their failures: the real SDK against the fake."""

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import urllib3
from django.core.files import File
from django.core.files.base import ContentFile

from studio.http import serving
from studio.media.storage.base import StorageError, Timeouts
from studio.media.storage.cloudinary import PART_BYTES, CloudinaryStorage
from tests.fakes.cloudinary import FakeCloudinary
from tests.studio.media.cloudinary_files import IMPATIENT, LARGE, PNG, VIDEO, env_options, storage_of, stored_bytes


@pytest.fixture
def fake() -> Iterator[FakeCloudinary]:
    with FakeCloudinary() as fake:
        yield fake


@pytest.fixture
def storage(fake: FakeCloudinary) -> CloudinaryStorage:
    return storage_of(fake)


def test_large_video_is_uploaded_in_parts(fake: FakeCloudinary, storage: CloudinaryStorage, tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(LARGE)

    with path.open("rb") as file:
        storage.save("videos/1.mp4", File(file, name="videos/1.mp4"))
        assert not file.closed

    size = len(LARGE)
    assert [call["part"] for call in fake.calls("upload")] == [
        f"bytes 0-{PART_BYTES - 1}/{size}",
        f"bytes {PART_BYTES}-{2 * PART_BYTES - 1}/{size}",
        f"bytes {2 * PART_BYTES}-{size - 1}/{size}",
    ]
    assert stored_bytes(fake) == {("video", "ai-studio/videos/1"): LARGE}
    assert fake.account.unfinished == {}


def test_large_image_is_uploaded_whole(fake: FakeCloudinary, storage: CloudinaryStorage) -> None:
    picture = PNG + bytes(PART_BYTES)

    storage.save("looks/1.png", ContentFile(picture))

    assert [call["part"] for call in fake.calls("upload")] == [None]
    assert stored_bytes(fake) == {("image", "ai-studio/looks/1"): picture}


def test_repeat_overwrites(fake: FakeCloudinary, storage: CloudinaryStorage) -> None:
    first = storage.save("videos/1.mp4", ContentFile(VIDEO))

    second = storage.save("videos/1.mp4", ContentFile(VIDEO + b"more"))

    assert first != second
    assert stored_bytes(fake) == {("video", "ai-studio/videos/1"): VIDEO + b"more"}


def test_failure_half_way_begins_anew(fake: FakeCloudinary, storage: CloudinaryStorage) -> None:
    fake.script("upload", "500", skip=1)

    storage.save("videos/1.mp4", ContentFile(LARGE))

    firsts = [call["part"].split("-")[0] for call in fake.calls("upload")]
    assert firsts == ["bytes 0", f"bytes {PART_BYTES}", "bytes 0", f"bytes {PART_BYTES}", f"bytes {2 * PART_BYTES}"]
    assert stored_bytes(fake) == {("video", "ai-studio/videos/1"): LARGE}


def test_half_a_file_is_never_seen(fake: FakeCloudinary) -> None:
    storage = storage_of(fake, timeouts=Timeouts(retry_pauses=()))
    storage.save("videos/1.mp4", ContentFile(VIDEO))
    fake.script("upload", "500", skip=1)

    with pytest.raises(StorageError):
        storage.save("videos/1.mp4", ContentFile(LARGE))

    assert stored_bytes(fake) == {("video", "ai-studio/videos/1"): VIDEO}


@pytest.mark.parametrize(
    ("fault", "times"),
    [("500", 2), ("503", 1), ("502", 1), ("420", 1), ("429", 1), ("423", 1), ("reset", 1), ("lost", 1), ("garbage", 2)],
)
def test_passing_failure_of_an_upload(fake: FakeCloudinary, storage: CloudinaryStorage, fault: str, times: int) -> None:
    fake.script("upload", fault, times=times)

    stored = storage.save("videos/1.mp4", ContentFile(VIDEO))

    assert len(fake.calls("upload")) == times + 1
    assert stored_bytes(fake) == {("video", "ai-studio/videos/1"): VIDEO}
    assert storage.size(stored) == len(VIDEO)


@pytest.mark.parametrize(
    "fault",
    ["500", "420", "reset", "garbage", "[]", "null", '{"error": "x"}', '{"secure_url": 1}', '{"secure_url": "x.mp4"}'],
)
def test_lasting_failure_is_for_the_caller_to_retry(
    fake: FakeCloudinary, storage: CloudinaryStorage, fault: str
) -> None:
    fake.script("upload", fault, times=3)

    with pytest.raises(StorageError) as caught:
        storage.save("videos/1.mp4", ContentFile(VIDEO))

    assert (caught.value.retryable, len(fake.calls("upload"))) == (True, 3)
    assert isinstance(caught.value, OSError)


@pytest.mark.parametrize("status", ["400", "401", "403", "404", "409"])
def test_refusal_is_final(fake: FakeCloudinary, storage: CloudinaryStorage, status: str) -> None:
    fake.script("upload", status)

    with pytest.raises(StorageError, match=f"^{status}: by script$") as caught:
        storage.save("videos/1.mp4", ContentFile(VIDEO))

    assert (caught.value.retryable, len(fake.calls("upload"))) == (False, 1)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("videos/1.mp4", b"no video", "Unsupported video format or file"),
        ("looks/1.png", b"no picture", "Invalid image file"),
        ("looks/1.png", b"", "Empty file"),
    ],
)
def test_invalid_file_is_refused(storage: CloudinaryStorage, name: str, data: bytes, reason: str) -> None:
    with pytest.raises(StorageError, match=f"^400: {reason}$"):
        storage.save(name, ContentFile(data))


@pytest.mark.parametrize(
    ("on", "use"),
    [
        ("upload", lambda storage: storage.save("videos/1.mp4", ContentFile(VIDEO))),
        ("destroy", lambda storage: storage.delete("videos/1.mp4")),
        ("head", lambda storage: storage.exists("videos/1.mp4")),
        ("delivery", lambda storage: storage.open("videos/1.mp4").read(1)),
    ],
)
def test_silence_ends_with_the_first_time_out(
    fake: FakeCloudinary, on: str, use: Callable[[CloudinaryStorage], Any]
) -> None:
    fake.script(on, "hang", times=9)

    with pytest.raises(StorageError, match="timed out") as caught:
        use(storage_of(fake, timeouts=IMPATIENT))

    assert (caught.value.retryable, [call["action"] for call in fake.account.calls]) == (True, [on])


def test_refused_connection_is_retryable() -> None:
    with FakeCloudinary() as fake:
        storage = storage_of(fake)

    for use in (
        lambda: storage.save("videos/1.mp4", ContentFile(VIDEO)),
        lambda: storage.delete("videos/1.mp4"),
        lambda: storage.exists("videos/1.mp4"),
        lambda: storage.open("videos/1.mp4").read(1),
    ):
        with pytest.raises(StorageError) as caught:
            use()
        assert caught.value.retryable is True


def test_many_threads(fake: FakeCloudinary, storage: CloudinaryStorage) -> None:
    def there_and_back(number: int) -> bool:
        data = VIDEO + str(number).encode()
        with storage.open(storage.save(f"videos/{number}.mp4", ContentFile(data))) as file:
            return bool(file.read() == data)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(there_and_back, range(24)))
    assert len(fake.account.files) == 24


@pytest.mark.slow
def test_memory_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    with path.open("wb") as file:
        file.write(VIDEO)
        file.truncate(64 * 1024 * 1024)
    program = [sys.executable, "-m", "tests.fakes.cloudinary"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip().removeprefix("CLOUDINARY_URL=")
        try:
            stored, peaks = _there_and_back(CloudinaryStorage(**env_options(url)), path)
            origin = stored.partition("/demo/")[0]
            books = urllib3.request("GET", f"{origin}/__books__").json()
            script = [{"on": "upload", "fault": "401"}]
            scripted = urllib3.request("POST", f"{origin}/__script__", body=json.dumps(script)).json()
        finally:
            process.terminate()

    assert list(books["files"]) == ["video/videos/1"]
    assert books["files"]["video/videos/1"]["bytes"] == path.stat().st_size
    assert scripted == {"faults": 1}
    assert peaks["upload"] < 4 * PART_BYTES
    assert peaks["read"] < 1024 * 1024


def _there_and_back(storage: CloudinaryStorage, path: Path) -> tuple[str, dict[str, int]]:
    """The stored name, and the most memory that was in use at once."""
    peaks = {}
    tracemalloc.start()
    try:
        with path.open("rb") as file:
            stored = storage.save("videos/1.mp4", File(file, name="videos/1.mp4"))
        peaks["upload"] = tracemalloc.get_traced_memory()[1]
        tracemalloc.clear_traces()
        with storage.open(stored) as file, path.open("rb") as original:
            while chunk := file.read(serving.CHUNK_BYTES):
                assert chunk == original.read(serving.CHUNK_BYTES)
        peaks["read"] = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return stored, peaks
