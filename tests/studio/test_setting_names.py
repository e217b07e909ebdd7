"""Names of settings that are nearly right, and an ENVIRONMENT that says nothing."""

import os
import subprocess
import sys

import pytest

from studio.checks import misspelt_settings
from studio.env import PROJECT


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *[("ALOWED_HOSTS", "ALLOWED_HOSTS"), ("SUMBIT_THREADS", "SUBMIT_THREADS"), ("ENVIROMENT", "ENVIRONMENT")],
        *[("JWT_SIGNINGKEY", "JWT_SIGNING_KEY"), ("GEMINI_API_KEYS", "GEMINI_API_KEY")],
    ],
)
def test_misspelt_name_is_found(monkeypatch: pytest.MonkeyPatch, name: str, meant: str) -> None:
    before = misspelt_settings()
    monkeypatch.setenv(name, "x")

    assert [found for found in misspelt_settings() if found not in before] == [(name, meant)]


@pytest.mark.parametrize(
    "name", ["HOSTNAME", "HOSTS", "LOGNAME", "PGPORT", "PYTHONPATH", "POSTGRES_PASSWORD", "XDG_DATA"]
)
def test_name_of_another_program_is_left_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before = misspelt_settings()
    monkeypatch.setenv(name, "x")

    assert misspelt_settings() == before


def test_environment_without_a_value_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=PROJECT,
        env={**os.environ, "ENVIRONMENT": " "},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 1
    assert "ENVIRONMENT has no value; it should be one of: development, production." in done.stderr
