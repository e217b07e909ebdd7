"""The storage's vendor may trickle for ever: uploads, removals and deliveries end by the clock."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.files.base import ContentFile

from studio.media.storage.base import StorageError, Timeouts
from studio.media.storage.cloudinary import CloudinaryStorage
from tests.fakes.cloudinary import FakeCloudinary
from tests.fakes.trickle import KINDS, TricklingServer

pytestmark = pytest.mark.slow
ENOUGH = 20  # seconds; far above the limits below
TIMEOUTS = Timeouts(connect=0.2, response=0.5, video_response=0.5, retry_pauses=(), min_rate=1_000_000)


def storage_at(url: str, timeouts: Timeouts = TIMEOUTS) -> CloudinaryStorage:
    return CloudinaryStorage(
        cloud_name="c", api_key="k", api_secret="s", upload_prefix=url, secure_distribution=url, timeouts=timeouts
    )


@contextmanager
def ends_soon() -> Iterator[None]:
    began = time.monotonic()
    with pytest.raises(StorageError) as error:
        yield
    assert (error.value.retryable, time.monotonic() - began < ENOUGH) == (True, True)


@pytest.mark.parametrize("kind", KINDS)
def test_calls_of_the_api_end(kind: str) -> None:
    with TricklingServer(kind) as server:
        storage = storage_at(server.url)
        with ends_soon():
            storage.save("videos/1.mp4", ContentFile(b"video"))
        with ends_soon():
            storage.delete("videos/1.mp4")


@pytest.mark.parametrize("kind", KINDS)
def test_deliveries_end(kind: str) -> None:
    with TricklingServer(kind) as server, ends_soon():
        storage_at(server.url).open("videos/1.mp4").read()


def test_slow_readers_are_allowed() -> None:
    with FakeCloudinary() as fake:
        account = fake.account
        hasty = Timeouts(connect=0.2, response=0.3, video_response=5, retry_pauses=())
        storage = CloudinaryStorage(
            cloud_name=account.cloud,
            api_key=account.key,
            api_secret=account.secret,
            upload_prefix=fake.url,
            secure_distribution=fake.url,
            timeouts=hasty,
        )
        data = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 1024
        name = storage.save("videos/1.mp4", ContentFile(data))

        got = b""
        with storage.open(name) as file:
            while piece := file.read(64 * 1024):
                got += piece
                time.sleep(0.3)

    assert got == data
