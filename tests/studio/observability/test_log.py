"""Log lines in both formats: their context, that input cannot forge one, and that secrets are redacted."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from studio.env import PROJECT
from studio.observability import log, redaction

FORGED = "x\n2026-01-01T00:00:00.000Z INFO forged: line\r\x1b[2J\u2028end"


def record(**fields: Any) -> logging.LogRecord:
    return logging.makeLogRecord(
        {"name": "videos", "levelname": "INFO", "msg": "video failed", "created": 1700000000.5} | fields
    )


def raised(text: str) -> Any:
    try:
        next(_raising(ValueError(text)))
    except ValueError:
        return sys.exc_info()


def _raising(exc: Exception) -> Iterator[None]:
    raise exc
    yield


def test_json_has_one_object_a_line() -> None:
    with log.context(request_id="r-1", job_id="j-1"):
        line = log.JsonFormatter().format(record(reason=FORGED, attempts=3, level="mine", exc_info=raised(FORGED)))

    facts = json.loads(line)
    exception = facts.pop("exception")
    assert len(line.splitlines()) == 1
    assert facts == {
        "time": "2023-11-14T22:13:20.500Z",
        "level": "INFO",
        "logger": "videos",
        "message": "video failed",
        "request_id": "r-1",
        "job_id": "j-1",
        "reason": FORGED,
        "attempts": 3,
    }
    assert exception.startswith("Traceback")
    assert exception.endswith(f"ValueError: {FORGED}")


def test_line_starts_at_the_margin_once() -> None:
    with log.context(request_id="r-1", job_id=""):
        line = log.LineFormatter().format(
            record(msg="said %s", args=(FORGED,), reason="a b", level=1, exc_info=raised(FORGED))
        )

    first, *rest = line.splitlines()
    assert first == (
        "2023-11-14T22:13:20.500Z INFO videos: "
        "said x\\u000a2026-01-01T00:00:00.000Z INFO forged: line\\u000d\\u001b[2J\\u2028end "
        "request_id=r-1 reason='a b' level=1"
    )
    assert [text for text in rest if not text.startswith("  ")] == []


def test_log_contexts_nest_and_end() -> None:
    formatter = log.JsonFormatter()

    with log.context(request_id="r-1"):
        with log.context(job_id="j-1", request_id="r-2", hiding=("a prompt",)):
            inner = json.loads(formatter.format(record(msg="a prompt")))
        outer = json.loads(formatter.format(record(msg="a prompt")))
    outside = json.loads(formatter.format(record()))

    assert (inner["request_id"], inner["job_id"], inner["message"]) == ("r-2", "j-1", "[hidden]")
    assert (outer["request_id"], "job_id" in outer, outer["message"]) == ("r-1", False, "a prompt")
    assert "request_id" not in outside


def test_added_parameters_end_with_the_block() -> None:
    with log.context(request_id="r-1"):
        log.add(api_key_id="k-1")
        inside = log.parameters()

    assert (inside, log.parameters()) == ({"request_id": "r-1", "api_key_id": "k-1"}, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer abc.def-1", "Authorization: Bearer [hidden]"),
        ("GET https://h/x?a=1&X-Goog-Signature=00ff&b=2", "GET https://h/x?a=1&X-Goog-Signature=[hidden]&b=2"),
        ("https://h/x?key=secret", "https://h/x?key=[hidden]"),
        ("redis://:pass-word@h:1/0 postgres://me:pw@h/d", "redis://:[hidden]@h:1/0 postgres://me:[hidden]@h/d"),
        ("Key (email)=(ann@example.com) already exists", "Key (email)=([hidden]) already exists"),
        (f"AIza{'x' * 30} ya29.abc eyJh.eyJz.sig", "[hidden] [hidden] [hidden]"),
        (
            f"ais_{'x' * 51}, cut off: ais_{'x' * 20}, prefix: ais_{'x' * 8}",
            f"[hidden], cut off: [hidden], prefix: ais_{'x' * 8}",
        ),
        (f"the secret whsec_{'Ab+/' * 10}A= of a webhook", "the secret [hidden] of a webhook"),
        (f"GET /AIStudio/l/{'x' * 26}/video.mp4 200", "GET /AIStudio/l/[hidden]/video.mp4 200"),
        (f"/oembed?url=https%3A%2F%2Fh%2Fl%2F{'A1' * 13}", "/oembed?url=https%3A%2F%2Fh%2Fl%2F[hidden]"),
        ("tokens=5 of one job, kind=charge", "tokens=5 of one job, kind=charge"),
        ("a prompt\\nin two lines, said 'a prompt\nin two lines'", "[hidden], said '[hidden]'"),
    ],
)
def test_redaction(text: str, expected: str) -> None:
    assert redaction.redact(text, hiding=("a prompt\nin two lines",)) == expected


def test_our_own_secrets_are_redacted_wherever_they_are(settings: Any) -> None:
    settings.GEMINI_API_KEY = "an-unusual-key"

    found = redaction.redact_all({"a": ["it said an-unusual-key", 1], "b": (settings.SECRET_KEY, None)})

    assert found == {"a": ["it said [hidden]", 1], "b": ["[hidden]", None]}


@pytest.mark.slow
def test_json_also_has_what_python_itself_says() -> None:
    code = (
        "import os, django, warnings; os.environ.update(LOG_FORMAT='json', DJANGO_SETTINGS_MODULE='studio.settings');"
        "django.setup(); warnings.warn('beware'); raise RuntimeError('the end')"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)

    said = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["level"], line["logger"]) for line in said] == [("WARNING", "py.warnings"), ("CRITICAL", "studio")]
    assert "beware" in said[0]["message"]
    assert said[1]["exception"].endswith("RuntimeError: the end")
