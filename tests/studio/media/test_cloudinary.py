"""Names, accounts and removal of files at Cloudinary: the real SDK against the fake."""

import logging
from collections.abc import Iterator
from typing import Any

import cloudinary
import pytest
import urllib3
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from studio.media.storage import disposal
from studio.media.storage.base import StorageError
from studio.media.storage.cloudinary import CloudinaryStorage
from studio.models import Disposal
from tests.fakes.cloudinary import FakeCloudinary
from tests.studio.media.cloudinary_files import JPEG, PNG, QUICK, VIDEO, WEBP, env_options, storage_of, stored_bytes


@pytest.fixture
def fake() -> Iterator[FakeCloudinary]:
    with FakeCloudinary() as fake:
        yield fake


@pytest.fixture
def storage(fake: FakeCloudinary) -> CloudinaryStorage:
    return storage_of(fake)


# -- Names


@pytest.mark.parametrize(
    ("name", "data", "kind", "public_id"),
    [
        ("videos/1.mp4", VIDEO, "video", "ai-studio/videos/1"),
        ("videos/1.jpg", JPEG, "image", "ai-studio/videos/1"),
        ("looks/7/picture-ab.png", PNG, "image", "ai-studio/looks/7/picture-ab"),
        ("inputs/7/first_frame-0-ab.webp", WEBP, "image", "ai-studio/inputs/7/first_frame-0-ab"),
    ],
)
def test_name_is_the_url_in_the_response(
    fake: FakeCloudinary, storage: CloudinaryStorage, name: str, data: bytes, kind: str, public_id: str
) -> None:
    stored = storage.save(name, ContentFile(data))

    assert stored_bytes(fake) == {(kind, public_id): data}
    version = fake.account.files[kind, public_id].version
    extension = name.rpartition(".")[2]
    assert stored == f"{fake.url}/demo/{kind}/upload/v{version}/{public_id}.{extension}"
    assert storage.url(stored) == stored
    assert urllib3.request("GET", stored).data == data


def test_private_delivery_host_is_kept() -> None:
    with FakeCloudinary(private=True) as fake:
        storage = storage_of(fake, secure_distribution="")

        stored = storage.save("videos/1.mp4", ContentFile(VIDEO))

        assert stored.startswith(f"http://localhost:{fake.server_port}/video/upload/v")
        assert (storage.url(stored), storage.size(stored)) == (stored, len(VIDEO))
        with storage.open(stored) as file:
            assert file.read() == VIDEO
        storage.delete(stored)
        assert stored_bytes(fake) == {}


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({}, "https://res.cloudinary.com/demo/video/upload/v1/ai-studio/videos/1.mp4"),
        ({"private_cdn": True}, "https://demo-res.cloudinary.com/video/upload/v1/ai-studio/videos/1.mp4"),
        (
            {"private_cdn": True, "secure_distribution": "media.example.com", "folder": ""},
            "https://media.example.com/video/upload/v1/videos/1.mp4",
        ),
    ],
)
def test_file_without_a_known_url_gets_one(options: dict[str, Any], url: str) -> None:
    storage = CloudinaryStorage(
        **{"cloud_name": "demo", "api_key": "k", "api_secret": "s", "folder": "ai-studio", **options}
    )

    assert storage.url("videos/1.mp4") == url


@pytest.mark.parametrize("form", ["saved as", "stored"])
def test_both_forms_of_a_name_are_accepted(fake: FakeCloudinary, storage: CloudinaryStorage, form: str) -> None:
    names = {"saved as": "videos/1.mp4", "stored": storage.save("videos/1.mp4", ContentFile(VIDEO))}
    storage.save("videos/1.jpg", ContentFile(JPEG))
    name = names[form]

    assert (storage.exists(name), storage.size(name)) == (True, len(VIDEO))
    with storage.open(name) as file:
        assert file.read() == VIDEO
    storage.delete(name)
    assert stored_bytes(fake) == {("image", "ai-studio/videos/1"): JPEG}
    assert storage.exists(name) is False
    storage.delete(name)  # deleting a missing file is fine
    assert [(call["kind"], call["invalidate"]) for call in fake.calls("destroy")] == [("video", True)] * 2


@pytest.mark.parametrize(
    "name",
    [
        "",
        "videos/1",
        "videos/1.exe",
        "/etc/1.mp4",
        "../1.mp4",
        "a/../../1.mp4",
        "videos/1 2.mp4",
        "https://example.com/1.mp4",
        "https://example.com/demo/raw/upload/v1/1.mp4",
        "https://example.com/demo/video/upload/v1/../1.mp4",
        "https://example.com/demo/video/upload/v1/1.mp4?x=1",
    ],
)
def test_name_of_another_kind_is_refused(fake: FakeCloudinary, storage: CloudinaryStorage, name: str) -> None:
    for use in (storage.url, storage.delete, storage.size, storage.exists, storage.open):
        with pytest.raises(SuspiciousFileOperation):
            use(name)

    assert fake.account.calls == []


def test_storage_can_be_built_again(storage: CloudinaryStorage) -> None:
    path, args, options = storage.deconstruct()

    assert path == "studio.media.storage.cloudinary.CloudinaryStorage"
    assert CloudinaryStorage(*args, **options).url("videos/1.mp4") == storage.url("videos/1.mp4")


# -- Accounts


def test_two_accounts_at_once() -> None:
    with FakeCloudinary(cloud="one", secret="first") as one, FakeCloudinary(cloud="two", secret="second") as two:
        storages = [storage_of(one), storage_of(two, folder="")]

        names = [storage.save("looks/1.png", ContentFile(PNG + bytes([n]))) for n, storage in enumerate(storages)]

        assert stored_bytes(one) == {("image", "ai-studio/looks/1"): PNG + b"\x00"}
        assert stored_bytes(two) == {("image", "looks/1"): PNG + b"\x01"}
        assert [name.split("/v")[0] for name in names] == [f"{one.url}/one/image/upload", f"{two.url}/two/image/upload"]


def test_file_of_another_account_is_not_removed(
    fake: FakeCloudinary, storage: CloudinaryStorage, caplog: pytest.LogCaptureFixture
) -> None:
    stored = storage.save("videos/1.mp4", ContentFile(VIDEO))
    theirs = [
        stored.replace("/demo/", "/other/"),
        stored.replace(f"{fake.url}/demo", "https://res.cloudinary.com/other"),
        stored.replace(f"{fake.url}/demo", "https://other-res.cloudinary.com"),
    ]

    for name in theirs:
        storage.delete(name)

    assert (list(stored_bytes(fake)), fake.calls("destroy")) == ([("video", "ai-studio/videos/1")], [])
    assert [record.file for record in caplog.records] == theirs  # type: ignore[attr-defined]  # given by extra
    storage.delete(stored)
    assert stored_bytes(fake) == {}


def test_global_configuration_of_the_sdk_is_not_used(fake: FakeCloudinary, storage: CloudinaryStorage) -> None:
    try:
        cloudinary.config(
            cloud_name="other",
            api_key="other",
            api_secret="other",
            oauth_token="other",
            upload_prefix="http://127.0.0.1:1",
            upload_preset="other",
            signature_algorithm="sha256",
            signature_version=1,
        )
        stored = storage.save("videos/1.mp4", ContentFile(VIDEO))
        storage.delete(stored)
    finally:
        cloudinary.reset_config()

    assert [call["status"] for call in fake.account.calls] == [200, 200]


def test_wrong_secret_is_reported_without_secrets(fake: FakeCloudinary, caplog: pytest.LogCaptureFixture) -> None:
    storage = storage_of(fake, api_secret="wrong-secret")

    with caplog.at_level(logging.DEBUG), pytest.raises(StorageError, match=r"^401: Invalid Signature …\.") as caught:
        storage.save("videos/1.mp4", ContentFile(VIDEO))

    assert caught.value.retryable is False
    assert "wrong-secret" not in f"{caught.value}{caplog.text}"
    assert len(fake.calls("upload")) == 1
    assert stored_bytes(fake) == {}


# -- Removals


@pytest.mark.parametrize(
    ("fault", "retryable"),
    [("500", True), ("420", True), ("lost", True), ('{"result": "x"}', True), ("401", False)],
)
def test_failed_removal_is_for_the_caller_to_retry(
    fake: FakeCloudinary, storage: CloudinaryStorage, fault: str, *, retryable: bool
) -> None:
    stored = storage.save("videos/1.mp4", ContentFile(VIDEO))
    fake.script("destroy", fault)

    with pytest.raises(StorageError) as caught:
        storage.delete(stored)
    storage.delete(stored)

    assert (caught.value.retryable, len(fake.calls("destroy"))) == (retryable, 2)
    assert stored_bytes(fake) == {}


@pytest.fixture
def default(fake: FakeCloudinary, settings: Any) -> FakeCloudinary:
    """The storage of the whole product, for this test."""
    options = env_options(fake.cloudinary_url) | {"folder": "ai-studio", "timeouts": QUICK}
    backend = {"BACKEND": "studio.media.storage.cloudinary.CloudinaryStorage", "OPTIONS": options}
    settings.STORAGES = settings.STORAGES | {"default": backend}
    return fake


def swept() -> int:
    """How many files a sweep removes for which time has come."""
    Disposal.objects.update(due_at="2026-01-01T00:00Z")
    return disposal.sweep()


@pytest.mark.django_db
def test_upload_without_an_owner_is_removed(default: FakeCloudinary) -> None:
    disposal.register("videos/1.mp4", "videos/2.mp4")
    default_storage.save("videos/1.mp4", ContentFile(VIDEO))
    kept = default_storage.save("videos/2.mp4", ContentFile(VIDEO))
    disposal.adopt("videos/2.mp4", kept)

    assert swept() == 1

    assert list(stored_bytes(default)) == [("video", "ai-studio/videos/2")]
    disposal.dispose([kept])
    assert swept() == 1
    assert stored_bytes(default) == {}


@pytest.mark.django_db
def test_removal_is_tried_again(default: FakeCloudinary) -> None:
    stored = default_storage.save("videos/1.mp4", ContentFile(VIDEO))
    disposal.dispose([stored])
    default.script("destroy", "500")

    assert swept() == 0
    assert list(Disposal.objects.values_list("name", "attempts", "last_error")) == [(stored, 1, "500: by script")]
    assert swept() == 1

    assert (stored_bytes(default), Disposal.objects.count()) == ({}, 0)
