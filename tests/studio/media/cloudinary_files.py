"""Helpers for the tests of files at Cloudinary."""

import os
from typing import Any

from studio import env
from studio.media.storage.base import Timeouts
from studio.media.storage.cloudinary import PART_BYTES, CloudinaryStorage
from tests.fakes.cloudinary import FakeCloudinary

VIDEO = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 2000
LARGE = VIDEO * (2 * PART_BYTES // len(VIDEO) + 1)  # three parts
PNG = b"\x89PNG\r\n\x1a\n" + bytes(500)
JPEG = b"\xff\xd8\xff\xe0" + bytes(500)
WEBP = b"RIFF\x00\x00\x00\x00WEBP" + bytes(500)

QUICK = Timeouts(retry_pauses=(0, 0))
IMPATIENT = Timeouts(response=0.2, video_response=0.2, retry_pauses=(0, 0), retry_seconds=0.1)


def storage_of(fake: FakeCloudinary, **options: Any) -> CloudinaryStorage:
    account = {"cloud_name": fake.account.cloud, "api_key": fake.account.key, "api_secret": fake.account.secret}
    hosts = {"upload_prefix": fake.url, "secure_distribution": fake.url}
    return CloudinaryStorage(**{**account, **hosts, "folder": "ai-studio", "timeouts": QUICK, **options})


def stored_bytes(fake: FakeCloudinary) -> dict[tuple[str, str], bytes]:
    return {key: file.data for key, file in fake.account.files.items()}


def env_options(url: str) -> dict[str, Any]:
    """The storage settings for a CLOUDINARY_URL."""
    before = os.environ.get("CLOUDINARY_URL", "")
    os.environ["CLOUDINARY_URL"] = url
    try:
        return env.cloudinary_url("CLOUDINARY_URL") or {}
    finally:
        os.environ["CLOUDINARY_URL"] = before


def backend_of(fake: FakeCloudinary) -> dict[str, Any]:
    """STORAGES for the account of the fake, with the time-outs of production."""
    options = env_options(fake.cloudinary_url) | {"folder": "ai-studio"}
    return {"BACKEND": "studio.media.storage.cloudinary.CloudinaryStorage", "OPTIONS": options}
