"""The logs of all processes while a paid video is made: one request id on every line of the job, and no secrets."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.cloudinary import FakeCloudinary
from tests.fakes.google import FakeGoogle
from tests.fakes.reports import FakeReports
from tests.running import PASSWORD, RunningStudio, wait_for
from tests.test_paid_flow import EXAMPLE, JOBS
from videos.providers.mock_video import render

pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.xdist_group("logs")]
PROMPT = "An unmistakable prompt\nof two lines"
EMAIL = "unmistakable.user@example.com"
KEY = "unmistakable-gemini-key"
HOOKS = "/api/v1/webhooks"
METRICS = "unmistakable-metrics-token"
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ [\w.]+: ")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("video") / "video.mp4"
    silent: dict[str, Any] = {"width": 128, "height": 72, "duration_seconds": 8, "generate_audio": False}
    render(destination=path, prompt="the fake's", first_frame=None, seed="paid", **silent)
    return path.read_bytes()


def run(folder: Path, video: bytes, **environment: str) -> tuple[str, str, list[str]]:
    """Make a video, let another fail, and stop. Returns the first job's id, the log, and texts it must not contain."""
    with FakeGoogle(video=video, work_seconds=1) as google, FakeCloudinary() as cloudinary:
        studio = RunningStudio(
            folder,
            GEMINI_API_KEY=KEY,
            GOOGLE_GEMINI_BASE_URL=google.url,
            CLOUDINARY_URL=cloudinary.cloudinary_url,
            METRICS_TOKEN=METRICS,
            WEBHOOK_ALLOW_PRIVATE="true",
            **environment,
        )
        try:
            with studio.client(EMAIL) as client:
                secret = fail_webhook(client)
                made = create(client, "the-request")
                wait_for(client, [made], seconds=90)
                google.script("submit", "400")
                failed = create(client, "another-request")
                wait_for(client, [failed], seconds=90)
                client.get("/metrics", headers={"Authorization": f"Bearer {METRICS}"})
                client.get("/%0a2026-01-01T00:00:00.000Z%20INFO%20forged:%20line?email=" + EMAIL)
                client.get("/api/v1/video-jobs/x", headers={"X-Request-ID": "not\tsane"})
                access = client.headers["Authorization"].removeprefix("Bearer ")
        finally:
            studio.stop()
        logs = {path.stem: path.read_text() for path in (folder / "logs").glob("*.log") if path.stem != "valkey"}
        secrets = [path.read_text().strip() for path in (folder / "secrets").iterdir() if path.suffix != ".json"]
        account = [cloudinary.cloudinary_url.split("@")[0].split(":")[-1]]
    hidden = [*PROMPT.splitlines(), EMAIL, KEY, METRICS, PASSWORD, access, "X-Goog-Signature=", *secrets, *account]
    hidden += [secret, "url-marker"]
    text = "".join(logs.values())
    assert set(logs) == {"web", "live", "submit", "media", "webhooks", "sweeper"}
    return made, text, hidden


def fail_webhook(client: httpx.Client) -> str:
    """Have a message sent to a port without a server; returns the webhook's secret."""
    made = client.post(HOOKS, json={"url": "http://127.0.0.1:9/url-marker", "events": ["job.deleted"]}).json()
    log = f"{HOOKS}/{made['id']}"
    client.post(f"{log}/test")
    deadline = time.monotonic() + 60
    while not client.get(f"{log}/deliveries").json()["items"][0]["error"] and time.monotonic() < deadline:
        time.sleep(0.1)
    return str(made["secret"])


def create(client: httpx.Client, request_id: str) -> str:
    fields = EXAMPLE | {"prompt": PROMPT}
    response = client.post(
        JOBS, files={name: (None, value) for name, value in fields.items()}, headers={"X-Request-ID": request_id}
    )
    return str(response.json()["id"])


@pytest.fixture(scope="module")
def reports() -> Iterator[FakeReports]:
    with FakeReports() as fake:
        yield fake


@pytest.fixture(scope="module")
def as_json(tmp_path_factory: pytest.TempPathFactory, video: bytes, reports: FakeReports) -> tuple[str, str, list[str]]:
    where = {"SENTRY_DSN": reports.dsn, "OTEL_EXPORTER_OTLP_ENDPOINT": reports.url}
    return run(tmp_path_factory.mktemp("json"), video, LOG_FORMAT="json", LOG_LEVEL="DEBUG", **where)


def test_request_id_is_on_all_lines_of_a_job(as_json: tuple[str, str, list[str]]) -> None:
    job_id, text, _ = as_json

    lines = [json.loads(line) for line in text.splitlines()]

    found = {
        (line["message"], line["logger"], line.get("job_id", job_id))
        for line in lines
        if line.get("request_id") == "the-request" and line["level"] == "INFO"
    }
    assert found == {
        ("request.finished", "gunicorn.access", job_id),
        ("job.created", "videos.creation", job_id),
        ("operation.accepted", "videos.engine.submit", job_id),
        ("job.generated", "videos.engine.poll", job_id),
        ("job.succeeded", "videos.engine.transfer", job_id),
    }
    assert {
        (line["message"], line["failure_code"])
        for line in lines
        if line.get("request_id") == "another-request" and "failure_code" in line
    } == {("job.failed", "provider_refused")}


def test_json_of_every_process_keeps_secrets(as_json: tuple[str, str, list[str]]) -> None:
    _, text, hidden = as_json

    assert [secret for secret in hidden if secret in text] == []


def test_trace_of_a_job_has_the_steps_of_all_processes(
    as_json: tuple[str, str, list[str]], reports: FakeReports
) -> None:
    job_id, _, hidden = as_json
    trace = job_id.replace("-", "")

    spans = reports.spans()

    assert {(span["service"], span["name"]) for span in spans if span["trace"] == trace} == {
        ("ai-studio-submit", "job submit"),
        ("ai-studio-sweeper", "job poll"),
        ("ai-studio-media", "job transfer"),
    }
    assert [span["name"] for span in spans if span["links"] == [trace]] == ["POST /api/v1/video-jobs"]
    assert [secret for secret in hidden if secret.encode() in reports.everything()] == []


def test_lines_of_every_process_keep_secrets_and_form(tmp_path: Path, video: bytes) -> None:
    job_id, text, hidden = run(tmp_path, video, LOG_FORMAT="line")

    assert [secret for secret in hidden if secret in text] == []
    assert [line for line in text.splitlines() if not LINE.match(line) and not line.startswith("  ")] == []
    assert [line for line in text.splitlines() if " forged: " in line and line.startswith("2026-01-01")] == []
    assert text.count("request_id=the-request") == 5
    assert text.count(f"job_id={job_id}") == 4
