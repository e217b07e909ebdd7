"""The registry of providers, and the processes that load them."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from typing import Any
from urllib.request import Request as WebRequest
from urllib.request import urlopen

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from tests.fakes.google import FakeGoogle
from tests.fakes.google_account import MODELS
from tests.videos.providers.conftest import GOOGLES, Make, ask, begin
from videos.providers import registry

WEB = """
import io, sys
from studio.wsgi import application
from videos.providers.registry import configured

def get(path):
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "SERVER_NAME": "localhost", "SERVER_PORT": "80",
               "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr, "wsgi.url_scheme": "http"}
    statuses = []
    body = application(environ, lambda status, headers: statuses.append(status))
    list(body), body.close()
    return statuses[0]

assert get("/healthz") == "200 OK"
assert get("/openapi.json") == "200 OK"
assert get("/api/v1/video-jobs") == "401 Unauthorized"
assert configured() == {"google_veo", "google_vertex", "google_omni", "google_omni_vertex"}
print([name for name in sys.modules if name.startswith(("google.genai", "google.auth", "httpx"))])
"""


def run(script: str, **environment: str) -> str:
    """The output of a separate Python process."""
    variables = os.environ | {"GEMINI_API_KEY": "k", "VERTEX_API_KEY": "k", "VERTEX_PROJECT": ""} | environment
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=django_settings.BASE_DIR,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_web_process_never_loads_googles_sdk() -> None:
    assert run(WEB) == "[]"


@pytest.mark.slow
def test_worker_loads_it_before_it_forks_and_connects_nowhere() -> None:
    script = """
import sys, django
django.setup()
from videos.providers import registry
registry.preload()
assert "google.genai._gaos.google_genai" in sys.modules, "the Interactions half, too"
print([registry.provider(name).backend._clients for name in sorted(registry.configured())])
"""

    assert run(script, DJANGO_SETTINGS_MODULE="studio.settings") == "[{}, {}, {}, {}]"


@pytest.mark.slow
def test_worker_loads_what_its_queue_needs_and_no_more() -> None:
    script = """
import sys, django
django.setup()
from videos import tasks
loaded = []
for queue in ("submit", "media"):
    tasks.preload([queue])
    loaded.append([name for name in ("videos.engine.submit", "av") if name in sys.modules])
print(loaded)
"""

    assert (
        run(script, DJANGO_SETTINGS_MODULE="studio.settings")
        == "[['videos.engine.submit'], ['videos.engine.submit', 'av']]"
    )


@pytest.mark.parametrize(
    ("gemini_key", "vertex_key", "project", "expected"),
    [
        ("", "", "", set()),
        ("k", "", "", {"google_veo", "google_omni"}),
        ("", "k", "", {"google_vertex", "google_omni_vertex"}),
        ("", "", "studio", {"google_vertex", "google_omni_vertex"}),
    ],
)
def test_provider_is_configured_when_it_has_its_key_or_project(
    settings: Settings, gemini_key: str, vertex_key: str, project: str, expected: set[str]
) -> None:
    settings.GEMINI_API_KEY, settings.VERTEX_API_KEY, settings.VERTEX_PROJECT = gemini_key, vertex_key, project

    assert registry.configured() == expected


def test_threads_that_come_at_once_get_the_same_provider() -> None:
    made = []
    threads = [threading.Thread(target=lambda: made.append(registry.provider("mock"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 8
    assert len(set(made)) == 1


@pytest.mark.parametrize("name", GOOGLES)
def test_many_concurrent_polls_all_get_a_response(name: str, make: Make, google: FakeGoogle) -> None:
    google.script("work", "never")
    adapter = make(name)
    operation = begin(adapter, name, google).name

    async def poll_all() -> int:
        return len(await asyncio.gather(*(adapter.poll(operation, ask(name)) for _ in range(100))))

    assert asyncio.run(poll_all()) == 100
    assert asyncio.run(poll_all()) == 100  # another event loop
    assert len(google.calls("poll")) == 200


@pytest.mark.slow
def test_fake_runs_as_a_program() -> None:
    command = [sys.executable, "-m", "tests.fakes.google", "--seconds", "0", "--retired", "gemini-omni-1.1-flash"]
    with subprocess.Popen(command, cwd=django_settings.BASE_DIR, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        lines = [program.stdout.readline().strip().split("=") for _ in range(4)]
        variables = dict(lines)
        url = variables["GOOGLE_GEMINI_BASE_URL"]
        script = [{"on": "submit", "fault": "503", "times": 1}, {"retired": ["veo-3.1-generate-001"]}]
        living = [_names(url), _script(url, script), _names(url)]
        with urlopen(f"{url}/__books__", timeout=10) as books:
            log = json.load(books)
        program.terminate()

    assert list(variables) == [
        "GOOGLE_GEMINI_BASE_URL", "GEMINI_API_KEY", "GOOGLE_VERTEX_BASE_URL", "VERTEX_API_KEY",
    ]  # fmt: skip
    assert living == [
        {*MODELS} - {"gemini-omni-1.1-flash"},
        {"faults": 1},
        {*MODELS} - {"veo-3.1-generate-001"},
    ]
    assert (log["submits"], log["works"]) == (0, [])
    assert [call["action"] for call in log["calls"]] == ["probe", "probe"]
    assert program.returncode == 0


def _names(url: str) -> set[str]:
    with urlopen(WebRequest(f"{url}/v1beta/models", headers={"x-goog-api-key": "fake-key"}), timeout=10) as listed:
        return {model["name"].removeprefix("models/") for model in json.load(listed)["models"]}


def _script(url: str, orders: list[Any]) -> Any:
    body = json.dumps(orders).encode()
    with urlopen(WebRequest(f"{url}/__script__", body, {"Content-Type": "application/json"}), timeout=10) as scripted:
        return json.load(scripted)
