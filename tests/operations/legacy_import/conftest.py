"""A legacy database with its tables, and a Cloudinary account that both systems use."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.cloudinary import FakeCloudinary
from tests.operations.legacy_import.legacy_tables import TABLES, LegacyDatabase, new_database, server_url
from videos.api import representation


@pytest.fixture(scope="session")
def legacy_url() -> str:
    return new_database(server_url())


@pytest.fixture
def legacy(legacy_url: str) -> Iterator[LegacyDatabase]:
    database = LegacyDatabase(legacy_url)
    yield database
    database.run("DROP SCHEMA public CASCADE")
    database.run("CREATE SCHEMA public")
    database.run(TABLES)
    database.close()


@pytest.fixture
def cloud(settings: Any) -> Iterator[FakeCloudinary]:
    """Our Cloudinary, and the previous system's: the same account."""
    with FakeCloudinary() as fake:
        account = {"cloud_name": fake.account.cloud, "api_key": fake.account.key, "api_secret": fake.account.secret}
        backend = {
            "BACKEND": "studio.media.storage.cloudinary.CloudinaryStorage",
            "OPTIONS": {**account, "upload_prefix": fake.url, "secure_distribution": fake.url, "folder": "ai-studio"},
        }
        settings.STORAGES = settings.STORAGES | {"default": backend}
        settings.EXTERNAL_FILE_HOSTS = ["res.cloudinary.com", fake.url]
        representation.JOB.__dict__.pop("_files", None)  # it has kept the storage that it was first used with
        yield fake
        representation.JOB.__dict__.pop("_files", None)
