"""Sentry and OpenTelemetry: off by default, and without private data."""

import json
import os
import subprocess
import sys
import uuid

import pytest

from studio.env import PROJECT
from tests.fakes.reports import FakeReports

pytestmark = pytest.mark.slow
START = "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'studio.settings'; import studio.wsgi\n"
JOB = uuid.uuid4()
# A request that creates a job, a step of the job that fails, and an error whose text quotes private data.
REPORT = f"""
import logging, uuid
from django.test import Client
from studio.observability import log, telemetry
job_id = uuid.UUID("{JOB}")
Client().post("/api/v1/auth/token?email=ann@example.com", {{"password": "a secret password"}})
with telemetry.request_span(Client().get("/healthz").wsgi_request):
    telemetry.link_job(job_id)
prompt = "An unmistakable prompt"
with log.context(job_id=str(job_id), request_id="r-1", hiding=(prompt,)):
    try:
        with telemetry.job_span("submit", job_id):
            raise ValueError(f"{{prompt}} of ann@example.com, Bearer abc.def, " + os.environ["GEMINI_API_KEY"])
    except ValueError:
        logging.getLogger("videos").exception("failed for %s", prompt, extra={{"asked": {{"for": [prompt]}}}})
telemetry.flush()
"""


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_nothing_is_imported_while_it_is_off() -> None:
    off = "import sys; sys.modules['sentry_sdk'] = sys.modules['opentelemetry'] = None  # an import would raise\n"

    done = python(
        f"{off}{START}import sys, django.urls; django.urls.get_resolver().url_patterns\n"
        "import videos.worker, videos.engine.sweeper\n"
        "from django.test import Client; print(Client().get('/healthz').status_code)\n"
        "print([name for name in sys.modules if name.startswith(('sentry_sdk.', 'opentelemetry.'))])"
    )

    assert (done.stdout.split(), done.returncode) == (["200", "[]"], 0), done.stderr


@pytest.mark.parametrize(
    ("name", "value", "package"),
    [
        ("SENTRY_DSN", "https://key@o1.ingest.sentry.io/1", "sentry_sdk"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318", "opentelemetry"),
    ],
)
def test_what_is_missing_is_named_at_the_start(name: str, value: str, package: str) -> None:
    code = (
        f"import sys; sys.modules['{package}'] = None; sys.argv = ['manage.py', 'check']; import manage; manage.main()"
    )

    done = python(code, **{name: value})

    assert done.stderr == (
        f"Cannot start: {name} is set, but its package is not installed; "
        f"pip install -r requirements-observability.txt, or unset {name}.\n"
    )


def test_dsn_that_is_none_is_named_and_not_repeated() -> None:
    done = python("import manage, sys; sys.argv = ['manage.py', 'check']; manage.main()", SENTRY_DSN="my-secret")

    assert done.stderr == "Cannot start: SENTRY_DSN should have the form https://key@o1.ingest.sentry.io/123.\n"


def test_reports_contain_the_failure_and_no_private_data() -> None:
    with FakeReports() as reports:
        done = python(
            START + REPORT,
            SENTRY_DSN=reports.dsn,
            OTEL_EXPORTER_OTLP_ENDPOINT=reports.url,
            GEMINI_API_KEY="an-unmistakable-key",
        )
        events, spans, everything = reports.events(), reports.spans(), reports.everything()

    assert done.returncode == 0, done.stderr
    event = next(event for event in events if event["logger"] == "videos")
    assert {name: event["tags"][name] for name in ("process", "job_id", "request_id")} == {
        "process": "web",
        "job_id": str(JOB),
        "request_id": "r-1",
    }
    error = event["exception"]["values"][-1]
    assert (error["type"], error["value"]) == (
        "ValueError",
        "[hidden] of [hidden], Bearer [hidden], [hidden]",
    )
    assert "vars" not in json.dumps(event)
    failed = next(span for span in spans if span["name"] == "job submit")
    linked = [span for span in spans if span["links"]]
    assert (failed["trace"], failed["status"]) == (JOB.hex, "ValueError")
    assert [span["links"] for span in linked] == [[JOB.hex]]
    assert {span["service"] for span in spans} == {"ai-studio-web"}
    assert {"GET /healthz", "POST /api/v1/auth/token"} <= {span["name"] for span in spans}
    private = (b"unmistakable", b"ann@example.com", b"a secret password", b"abc.def")
    assert [secret for secret in private if secret in everything] == []
