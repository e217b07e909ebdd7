"""A request that fails is one ERROR in the log and one event of Sentry, with its id and the reason."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from operations.local.valkey import free_port
from studio.env import PROJECT
from tests.fakes.reports import FakeReports

pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.xdist_group("one-error")]

URLS = """
from django.db import OperationalError
from django.urls import path

from studio import errors, urls
from studio.api.views import ApiView
from studio.media.storage.base import StorageError

handler400, handler404, handler500 = urls.handler400, urls.handler404, urls.handler500
FAILURES = {
    "database": OperationalError("gone"),
    "storage": StorageError("full", retryable=True),
    "busy": errors.Unavailable("Busy.", code="too_busy", retry_after_seconds=5),
    "bug": ZeroDivisionError("a bug"),
}


class Failing(ApiView):
    authentication_classes = permission_classes = throttle_classes = []

    def get(self, request, kind):
        raise FAILURES[kind]


def page(request):
    raise ZeroDivisionError("a bug")


ours = [path("failing/<kind>", Failing.as_view()), path("page", page), path("admin/page", page)]
urlpatterns = [*ours, *urls.urlpatterns]
"""
FAILED = {  # path: status, logger, the exception in the log
    "/failing/database": (503, "studio.api.views", "django.db.utils.OperationalError: gone"),
    "/failing/storage": (503, "studio.api.views", "studio.media.storage.base.StorageError: full"),
    "/failing/busy": (503, "django.request", ""),
    "/failing/bug": (500, "django.request", "ZeroDivisionError: a bug"),
    "/page": (500, "django.request", "ZeroDivisionError: a bug"),
    "/admin/page": (500, "django.request", "ZeroDivisionError: a bug"),
}


@pytest.fixture(scope="module")
def reports() -> Iterator[FakeReports]:
    with FakeReports() as fake:
        yield fake


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory, reports: FakeReports) -> list[dict[str, Any]]:
    """The log of a web process during a request to each of the paths."""
    folder: Path = tmp_path_factory.mktemp("failing")
    (folder / "failing_urls.py").write_text(URLS)
    (folder / "failing_settings.py").write_text("from studio.settings import *\nROOT_URLCONF = 'failing_urls'\n")
    port = free_port()
    environment = {
        "DJANGO_SETTINGS_MODULE": "failing_settings",
        "PYTHONPATH": f"{folder}:{PROJECT}",
        "PORT": str(port),
        "LOG_FORMAT": "json",
        "SENTRY_DSN": reports.dsn,
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--workers", "1", "studio.wsgi:application"],
            cwd=PROJECT,
            env={**os.environ, **environment},
            stdout=log,
            stderr=log,
        )
    try:
        ask(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(60)
    return [json.loads(line) for line in (folder / "log").read_text().splitlines() if line.startswith("{")]


def ask(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx.get(f"{url}/nothing", timeout=5)
            break
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    for path, (status, _, _) in FAILED.items():
        response = httpx.get(f"{url}{path}", headers={"X-Request-ID": path.replace("/", "-")}, timeout=30)
        assert response.status_code == status


@pytest.mark.parametrize("path", FAILED)
def test_failed_request_is_one_error_with_its_id(lines: list[dict[str, Any]], path: str) -> None:
    _, logger, exception = FAILED[path]

    found = [line for line in lines if line["level"] == "ERROR" and path.replace("/", "-") == line.get("request_id")]

    assert [(line["logger"], line.get("exception", "").splitlines()[-1:]) for line in found] == [
        (logger, [exception] if exception else [])
    ]
    assert path in json.dumps(found[0])


def test_no_error_is_without_an_id(lines: list[dict[str, Any]]) -> None:
    assert [line for line in lines if line["level"] == "ERROR" and "request_id" not in line] == []


def test_each_is_one_event_of_sentry(lines: list[dict[str, Any]], reports: FakeReports) -> None:
    found = [(event["tags"].get("request_id"), event.get("exception") is not None) for event in reports.events()]

    assert sorted(found) == sorted((path.replace("/", "-"), bool(FAILED[path][2])) for path in FAILED)
