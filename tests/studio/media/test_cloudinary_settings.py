"""The storage that the environment selects."""

import os
import subprocess
import sys
from typing import Any

import pytest

from studio import env
from tests.studio.media.cloudinary_files import env_options


@pytest.mark.parametrize(
    ("value", "options"),
    [
        ("cloudinary://12:a-B_3@my-cloud", {}),
        ("cloudinary://12:a-B_3@my-cloud?secure=true", {}),
        (
            "cloudinary://12:a-B_3@my-cloud?upload_prefix=https://api-eu.cloudinary.com"
            "&secure_distribution=media.example.com&private_cdn=true",
            {
                "upload_prefix": "https://api-eu.cloudinary.com",
                "secure_distribution": "media.example.com",
                "private_cdn": True,
            },
        ),
    ],
)
def test_account_in_the_environment(value: str, options: dict[str, Any]) -> None:
    defaults = {"upload_prefix": "", "secure_distribution": "", "private_cdn": False}
    account = {"cloud_name": "my-cloud", "api_key": "12", "api_secret": "a-B_3"}

    assert env_options(value) == account | defaults | options


@pytest.mark.parametrize(
    "value",
    [
        "https://cloudinary.com",
        "cloudinary://12:hidden",
        "cloudinary://12@my-cloud",
        "cloudinary://<key>:<hidden>@my-cloud",
        "CLOUDINARY_URL=cloudinary://12:hidden@my-cloud",
        "cloudinary://12:hidden@my-cloud?folder=x",
        "cloudinary://12:hidden@my-cloud?upload_prefix=api-eu.cloudinary.com",
        "cloudinary://12:hidden@my-cloud?private_cdn=1",
        "cloudinary://12:hidden@my-cloud?secure_distribution=",
        "cloudinary://12:hidden@my-cloud?secure=false",
    ],
)
def test_malformed_account_is_named_without_its_secret(value: str) -> None:
    with pytest.raises(env.BadEnvironment, match=r"^CLOUDINARY_URL (should|has) ") as caught:
        env_options(value)

    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(("value", "folder"), [("", "ai-studio"), ("shop/videos/", "shop/videos"), ("v1x", "v1x")])
def test_folder_in_the_environment(monkeypatch: pytest.MonkeyPatch, value: str, folder: str) -> None:
    monkeypatch.setenv("CLOUDINARY_FOLDER", value)

    assert env.folder("CLOUDINARY_FOLDER", "ai-studio") == folder


@pytest.mark.parametrize("value", ["a b", "a//b", "../a", "v12", "shop/v1", "ä", "x" * 101])
def test_malformed_folder_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CLOUDINARY_FOLDER", value)

    with pytest.raises(env.BadEnvironment, match=r"^CLOUDINARY_FOLDER is "):
        env.folder("CLOUDINARY_FOLDER", "ai-studio")


@pytest.mark.slow
@pytest.mark.parametrize(("url", "backend"), [("", "LocalStorage"), ("cloudinary://k:s@c", "CloudinaryStorage")])
def test_web_process_does_without_the_sdk(url: str, backend: str) -> None:
    code = (
        "import sys, studio.wsgi; from django.core.files.storage import default_storage;"
        "print(default_storage.__class__.__name__, 'cloudinary' in sys.modules)"
    )
    environment = os.environ | {"CLOUDINARY_URL": url, "DJANGO_SETTINGS_MODULE": "studio.settings"}

    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)

    assert result.stdout.split() == [backend, "False"]
