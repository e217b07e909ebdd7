"""`manage.py doctor` with each service broken: it names the service and the remedy."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from studio.models import Heartbeat
from tests.fakes.cloudinary import FakeCloudinary
from tests.fakes.google import FakeGoogle
from tests.operations.test_health import doctor
from tests.running import manage
from tests.studio.media.cloudinary_files import QUICK, env_options
from videos.engine import sweeper


@pytest.fixture
def cloudinary() -> Iterator[FakeCloudinary]:
    with FakeCloudinary() as fake:
        yield fake


def ill(facts: dict[str, Any]) -> dict[str, str]:
    """The sentences of the checks that are not OK, by name."""
    return {name: fact["detail"] for name, fact in facts.items() if fact["status"] != "ok"}


@pytest.mark.django_db
def test_cloudinary_that_refuses(cloudinary: FakeCloudinary, settings: Any) -> None:
    options = env_options(cloudinary.cloudinary_url) | {"folder": "ai-studio", "timeouts": QUICK}
    backend = {"BACKEND": "studio.media.storage.cloudinary.CloudinaryStorage", "OPTIONS": options}
    settings.STORAGES = settings.STORAGES | {"default": backend}
    cloudinary.script("upload", "401", times=10)
    sweeper.beat()

    status, facts = doctor()

    assert status == 1
    assert list(ill(facts)) == ["storage"]
    assert facts["storage"]["status"] == "down"
    assert facts["storage"]["detail"].startswith("CloudinaryStorage fails to write or read: 401: ")
    assert facts["storage"]["detail"].endswith(" See CLOUDINARY_URL.")


@pytest.mark.django_db
def test_no_sweeper_and_a_missing_migration() -> None:
    Heartbeat.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_migrations WHERE app = 'videos'"
            " AND name = (SELECT MAX(name) FROM django_migrations WHERE app = 'videos')"
        )

    status, facts = doctor()

    assert status == 1
    assert ill(facts) == {
        "migrations": "Some of videos are not applied; run manage.py migrate.",
        "sweeper": "It has never run; start manage.py sweep.",
    }


@pytest.mark.slow
@pytest.mark.once  # the database is an unavailable one
def test_everything_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "media").write_text("no folder")
    with FakeGoogle() as google:
        google.script("probe", "401", times=10)
        done = manage(
            "doctor",
            "--json",
            DATA_DIR=str(tmp_path / "data"),
            DATABASE_URL="postgresql://ann:hidden@127.0.0.1:1/x",
            REDIS_URL="redis://127.0.0.1:1/0",
            GEMINI_API_KEY="a-refused-key",
            GOOGLE_GEMINI_BASE_URL=google.url,
            LOG_LEVEL="ERROR",
        )

    facts = json.loads(done.stdout)
    details = ill(facts)
    assert done.returncode == 1
    assert {name: fact["status"] for name, fact in facts.items() if name in details} == {
        "database": "down",
        "migrations": "down",
        "redis": "degraded",
        "registration": "degraded",
        "writes": "degraded",
        "clock": "degraded",
        "rows": "down",
        "sweeper": "degraded",
        "live": "degraded",
        "storage": "down",
        "providers": "degraded",
        "models": "degraded",
        "transfers": "degraded",
        "webhooks": "degraded",
        "reconciliation": "degraded",
        "other disks": "degraded",
        "lost answers": "degraded",
        "previous files": "degraded",
        "account tasks": "degraded",
        "google": "down",
    }
    assert details["database"].startswith("postgresql does not respond: ")
    assert details["database"].endswith("See DATABASE_URL.")
    assert details["writes"] == "Unknown while Redis is unavailable."
    assert details["redis"].endswith("See REDIS_URL.")
    assert details["storage"].startswith("LocalStorage fails to write or read: ")
    assert details["storage"].endswith("See DATA_DIR.")
    assert details["google"].startswith("google_omni: ")
    assert details["google"].endswith("See GEMINI_API_KEY and VERTEX_… in the environment.")
    assert details["migrations"] == "Unknown: the database is unavailable, or manage.py migrate was never run."
    assert {
        details[name]
        for name in ("sweeper", "live", "clock", "providers", "models", "transfers", "webhooks", "lost answers")
    } == {"Unknown while the database is unavailable."}
    assert "hidden" not in done.stdout
    assert "a-refused-key" not in done.stdout
