"""Requests for another host: scanners' are refused in one line of the log, and probes get a response."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from studio.observability import log

pytestmark = pytest.mark.django_db

ANOTHER_HOST = "203.0.113.9"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """The output of the process's log handler."""
    handler = next(
        handler
        for handler in logging.getLogger().handlers
        if any(isinstance(each, log.ClientErrors) for each in handler.filters)
    )
    assert isinstance(handler, logging.StreamHandler)
    stream = io.StringIO()
    before, handler.stream = handler.stream, stream  # setStream() would flush one that pytest may have closed
    yield stream
    handler.stream = before


@pytest.mark.django_db(transaction=True)  # /readyz writes a row in a thread of its own
@pytest.mark.parametrize("path", ["/healthz", "/healthz/", "/AIStudio/healthz", "/readyz", "/metrics"])
def test_probe_is_answered_whatever_host_it_names(client: Client, settings: Any, path: str) -> None:
    settings.ALLOWED_HOSTS, settings.METRICS_TOKEN = ["studio.example.com"], "m" * 20
    settings.BASE_PATH = "/AIStudio"

    response = client.get(path, headers={"Host": ANOTHER_HOST, "Authorization": f"Bearer {'m' * 20}"})

    assert response.status_code in ({200, 503} if path == "/readyz" else {200})


@pytest.mark.parametrize("path", ["/api/v1/tokens", "/healthzz", "/admin/", "/media/x", "/nowhere"])
def test_wrong_host_is_one_line_of_level_info(client: Client, settings: Any, path: str, lines: io.StringIO) -> None:
    settings.ALLOWED_HOSTS = ["studio.example.com"]

    response = client.get(path, headers={"Host": ANOTHER_HOST})

    written = lines.getvalue().splitlines()
    assert (response.status_code, response.json()["code"]) == (400, "bad_request")
    assert len(written) == 1
    assert " INFO django.security.DisallowedHost: " in written[0]


def test_error_of_our_own_keeps_its_level_and_traceback(lines: io.StringIO) -> None:
    try:
        int("broken")
    except ValueError:
        logging.getLogger("studio").exception("failed")

    assert " ERROR studio: failed" in lines.getvalue()
    assert "ValueError: invalid literal" in lines.getvalue()
