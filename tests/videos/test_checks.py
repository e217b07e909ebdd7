"""Configuration and credentials of providers: `check`, `/readyz` and `doctor`."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from studio.env import PROJECT
from studio.observability.health import Depth, Health, run_checks
from tests.conftest import MakeUser
from tests.fakes.google import FakeGoogle
from tests.fixtures.video_jobs import MakeJob
from videos import checks
from videos.phases import Phase
from videos.providers import registry

pytestmark = pytest.mark.django_db


@pytest.fixture
def google(settings: Any) -> Iterator[FakeGoogle]:
    with FakeGoogle() as fake:
        settings.GEMINI_API_KEY, settings.GOOGLE_GEMINI_BASE_URL = "gemini-key", fake.url
        registry.built.cache_clear()
        yield fake
        for name in ("google_veo", "google_omni"):
            registry.provider(name).backend.close()  # type: ignore[attr-defined]
        registry.built.cache_clear()


def test_production_without_a_provider_is_warned_about(settings: Any) -> None:
    assert checks.provider_is_configured(None) == []

    settings.PRODUCTION = True

    assert [message.id for message in checks.provider_is_configured(None)] == ["videos.W001"]
    assert run_checks(depth=Depth.QUICK)["providers"].health == Health.DEGRADED


@pytest.mark.django_db(transaction=True)  # readyz runs in its own thread
def test_rejected_key_is_reported_until_a_job_succeeds(
    settings: Any, client: Client, make_user: MakeUser, make_job: MakeJob
) -> None:
    settings.GEMINI_API_KEY, settings.METRICS_TOKEN = "gemini-key", "metrics-token"
    headers = {"Authorization": "Bearer metrics-token"}
    ann = make_user()
    make_job(ann, phase=Phase.FAILED, provider="google_veo", mock_mode=False, error_code="provider_misconfigured")

    rejected = checks.key_is_accepted(None, databases=["default"])
    shown = client.get("/readyz", headers=headers).json()["checks"]["providers"]
    make_job(ann, phase=Phase.SUCCEEDED, provider="google_veo", mock_mode=False)
    accepted = checks.key_is_accepted(None, databases=["default"])

    assert [message.id for message in rejected] == ["videos.W002"]
    assert shown == {
        "status": "degraded",
        "detail": "google_veo rejects our key or project; jobs fail and are refunded.",
    }
    assert accepted == []


def test_database_is_left_alone_unless_asked_for(settings: Any) -> None:
    settings.GEMINI_API_KEY = "gemini-key"

    assert checks.key_is_accepted(None, databases=None) == []


@pytest.mark.slow
def test_empty_database_is_migrated_with_a_key_set(tmp_path: Path) -> None:
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "DATABASE_URL": "", "GEMINI_API_KEY": "gemini-key"}

    done = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_doctor_asks_the_provider(google: FakeGoogle) -> None:
    well = run_checks(depth=Depth.THOROUGH)["google"]
    google.script("probe", "401", times=5)
    ill = run_checks(depth=Depth.THOROUGH)["google"]

    assert (well.health, well.sentence) == (Health.OK, "Access granted by google_omni, google_veo.")
    assert (ill.health, "google_veo: " in ill.sentence, "gemini-key" in ill.sentence) == (Health.DOWN, True, False)


def test_lost_answers_are_counted(make_user: MakeUser, make_job: MakeJob) -> None:
    before = run_checks(depth=Depth.THOROUGH)["lost answers"]
    make_job(make_user(), phase=Phase.FAILED, error_code="submission_unknown")
    after = run_checks(depth=Depth.THOROUGH)["lost answers"]

    assert (before.sentence, after.sentence) == (
        "None in two days.",
        "1 in two days: the provider may have billed them (generation_stalled, generation_timeout, "
        "invalid_video, result_unreadable, submission_unknown); "
        "see manage.py adopt_operation --help.",
    )
