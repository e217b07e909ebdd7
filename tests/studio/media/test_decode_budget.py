"""The decode budget: images share pools of pixels, waiting requests hold nothing, and memory is returned."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from rest_framework.test import APIClient

from studio import malloc
from studio.env import PROJECT
from studio.http.active_requests import ActiveRequestLimit
from studio.media import decode_budget
from studio.media.decode_budget import LARGE_PIXELS, SMALL_PIXELS, ImagesBusy, PixelPool, request_limit, reserve, spend
from studio.media.images import thumbnail_of
from tests.studio.http.test_active_requests import PATIENCE, ask
from tests.studio.media.hostile_images import saved
from tests.studio.media.pictures import read

SMALL = saved(Image.new("RGB", (80, 40), "red"))

# Decodes images of 49 megapixels in many threads, as a web process does, and prints its peak and final memory in MiB.
LARGE_IMAGES_SCRIPT = """
import io, json, sys, zlib
from concurrent.futures import ThreadPoolExecutor
import django
django.setup()
from studio.media import images
from tests.studio.media.hostile_images import png_of, chunk

def mib(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) // 1024 for line in file if line.startswith(name))

row = zlib.compressobj(9)
data = b"".join([row.compress(bytes(3 * 7000 + 1)) for _ in range(7000)]) + row.flush()
file = png_of(7000, 7000, chunk(b"IDAT", data))
del data
before = mib("VmRSS")
with ThreadPoolExecutor(6) as pool:
    made = pool.map(lambda _: images.thumbnail_of(images.read_image(io.BytesIO(file))).width, range(12))
    widths = set(made)
print(json.dumps({"widths": list(widths), "most": mib("VmHWM") - before, "kept": mib("VmRSS") - before}))
"""


@pytest.fixture
def full_pool() -> Iterable[None]:
    """Other threads hold all pixels of both pools."""
    is_taken, is_over = threading.Event(), threading.Event()

    def keep() -> None:
        with reserve(LARGE_PIXELS), reserve(SMALL_PIXELS):
            is_taken.set()
            is_over.wait(PATIENCE)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(keep)
        assert is_taken.wait(PATIENCE)
        yield
        is_over.set()


def test_images_of_one_request_share_a_budget() -> None:
    with request_limit(100):
        assert [spend(60), spend(40), spend(1)] == [True, True, False]
    assert spend(10**12)  # a worker has no budget


def test_images_that_fit_share_the_pool() -> None:
    room = PixelPool(100)

    assert [room.take(60, seconds=0), room.take(40, seconds=0), room.take(1, seconds=0)] == [60, 40, 0]
    room.give_back(40)
    assert room.take(41, seconds=0) == 0
    assert room.take(40, seconds=0) == 40


def test_image_larger_than_the_pool_has_it_alone() -> None:
    room = PixelPool(100)

    assert [room.take(1000, seconds=0), room.take(1, seconds=0)] == [100, 0]


def test_small_images_do_not_overtake_a_large_one() -> None:
    room = PixelPool(100)
    room.take(60, seconds=0)
    with ThreadPoolExecutor(1) as pool:
        large = pool.submit(room.take, 100, seconds=PATIENCE)
        while not room._queue:
            assert not large.done()

        assert room.take(1, seconds=0) == 0
        room.give_back(60)

        assert large.result(PATIENCE) == 100


def test_job_that_times_out_while_waiting_leaves_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    class JobTimeout(Exception):
        """As RQ raises it at any point of a thread."""

    def end(*args: Any) -> None:
        raise JobTimeout

    room = PixelPool(100)
    monkeypatch.setattr(room._changed, "wait_for", end)
    with pytest.raises(JobTimeout):
        room.take(1, seconds=PATIENCE)
    monkeypatch.undo()

    assert room.take(100, seconds=0) == 100


def test_small_images_do_not_wait_for_large_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_budget, "WAIT_SECONDS", 0)
    with reserve(LARGE_PIXELS):
        assert thumbnail_of(read(SMALL)).width == 80
        with pytest.raises(ImagesBusy), reserve(SMALL_PIXELS + 1):
            pass


def test_request_that_waits_for_the_pool_holds_no_slot(full_pool: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_budget, "WAIT_SECONDS", PATIENCE)
    waits, outcome = threading.Event(), []

    def view(environ: dict[str, Any]) -> Iterable[bytes]:
        if "small" in environ:
            outcome.append("answered meanwhile")
            return []
        waits.set()
        with request_limit(1), reserve(1):
            outcome.append("decoded")
        return []

    limit = ActiveRequestLimit(lambda environ, start_response: view(environ), slots=1, threads=64)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask, limit)
        assert waits.wait(PATIENCE)
        pool.submit(ask, limit, small=True).result(PATIENCE)

        assert outcome == ["answered meanwhile"]
        assert not first.done()
        with decode_budget._small._changed:
            decode_budget._small._free += 1  # as if another image released a pixel
            decode_budget._small._changed.notify_all()
        first.result(PATIENCE)
    decode_budget._small._free -= 1

    assert outcome == ["answered meanwhile", "decoded"]


def test_thumbnail_and_image_wait_for_the_same_pool(monkeypatch: pytest.MonkeyPatch, request: Any) -> None:
    picture = read(SMALL)
    monkeypatch.setattr(decode_budget, "WAIT_SECONDS", 0)
    request.getfixturevalue("full_pool")

    with pytest.raises(ImagesBusy):
        thumbnail_of(picture)
    with pytest.raises(ImagesBusy):
        read(SMALL)


def test_images_of_one_request_share_the_waiting_time(full_pool: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_budget, "WAIT_SECONDS", 0.05)
    with request_limit(10_000):
        for _ in range(2):
            with pytest.raises(ImagesBusy):
                read(SMALL)
        left = decode_budget._budget.get()

    assert left is not None
    assert left.seconds == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "field"), [("/api/v1/looks", "generatedImage"), ("/api/v1/video-jobs", "initialImage")]
)
def test_api_says_when_to_try_again(
    make_user: Any, full_pool: None, monkeypatch: pytest.MonkeyPatch, path: str, field: str
) -> None:
    monkeypatch.setattr(decode_budget, "WAIT_SECONDS", 0)
    client = APIClient()
    client.force_authenticate(make_user())
    form = {"title": "t", "prompt": "p", "mockMode": "true", field: SimpleUploadedFile("a.png", SMALL, "image/png")}
    if path.endswith("looks"):
        del form["prompt"], form["mockMode"]
    else:
        del form["title"]

    response = client.post(path, form, format="multipart")

    assert (response.status_code, response.json(), response["Retry-After"]) == (
        503,
        {"detail": "Too many images are being processed. Please try again in a moment.", "code": "pictures_busy"},
        "10",
    )


@pytest.mark.slow
@pytest.mark.skipif(not malloc.configure(), reason="the C library has no mallopt()")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_of_large_images_is_bounded_and_returned() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LARGE_IMAGES_SCRIPT],
        cwd=PROJECT,
        env={"DJANGO_SETTINGS_MODULE": "studio.settings", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    found = json.loads(ran.stdout)
    assert found["widths"] == [512]
    assert found["most"] < 300  # one at a time is 190
    assert found["kept"] < 80
