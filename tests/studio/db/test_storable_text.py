"""Text from outside as it can be stored on either database."""

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage

from studio.db.storable_text import is_storable, storable
from studio.media.storage import disposal
from studio.media.storage.base import StorageError, Timeouts
from studio.media.storage.cloudinary import CloudinaryStorage
from studio.models import Disposal
from tests.fakes.cloudinary import FakeCloudinary

HALF = "\ud83d"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("a\0b", "a\ufffdb"),
        (f"half {HALF}", "half \ufffd"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("whole 😀\t\n\x1b", "whole 😀\t\n\x1b"),
        ("x" * 30, "x" * 20),
    ],
)
def test_text_is_made_storable(text: str, expected: str) -> None:
    assert storable(text, length=20) == expected
    assert (is_storable(text, length=20), is_storable(expected, length=20)) == (text == expected, True)


def test_failure_is_text_too() -> None:
    assert storable(ValueError(HALF), length=9) == "\ufffd"


@pytest.mark.django_db
def test_failed_removal_says_why_whatever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(InMemoryStorage):
        def delete(self, name: str) -> None:
            raise OSError(f"no {HALF}\0" + "x" * 1000)

    monkeypatch.setattr(disposal, "default_storage", Refusing())
    monkeypatch.setattr(disposal.logger, "disabled", True)  # pytest-xdist cannot pass on what the line quotes
    disposal.dispose(["videos/1.mp4"], after_seconds=-1)

    assert disposal.sweep() == 0

    assert Disposal.objects.get().last_error == ("no \ufffd\ufffd" + "x" * 1000)[:500]


@pytest.mark.parametrize("path", ["\\ud800", "\\u0000", "x" * 300])
def test_url_that_cannot_be_stored_is_a_failure_of_the_storage(path: str) -> None:
    with FakeCloudinary() as fake:
        account = fake.account
        storage = CloudinaryStorage(
            cloud_name=account.cloud,
            api_key=account.key,
            api_secret=account.secret,
            upload_prefix=fake.url,
            timeouts=Timeouts(retry_pauses=()),
        )
        fake.script("upload", f'{{"secure_url": "{fake.url}/c/video/upload/v1/{path}.mp4"}}')

        with pytest.raises(StorageError) as error:
            storage.save("videos/1.mp4", ContentFile(b"video"))

    assert error.value.retryable
