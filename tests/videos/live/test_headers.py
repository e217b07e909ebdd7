"""The headers of the live process's responses: those of the web process."""

from http.client import HTTPConnection
from typing import Any

import pytest

from tests.conftest import MakeUser
from tests.videos.live.conftest import SECONDS, Live

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
URL = "/api/v1/video-jobs/events"


def test_page_of_another_origin_may_read_the_stream(live: Live, make_user: MakeUser, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example.com"]

    headers = live.stream(user=make_user(), Origin="https://app.example.com").response.headers

    assert headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert (headers["Content-Type"], headers["Cache-Control"]) == ("text/event-stream", "no-store")


def test_page_of_another_origin_may_read_the_refusal_of_a_body(live: Live) -> None:
    connection = HTTPConnection("127.0.0.1", live.port, timeout=SECONDS)
    connection.request("POST", URL, b"{}", {"Origin": "http://localhost:3000", "X-Request-ID": "of-a-body"})
    headers = connection.getresponse().headers
    connection.close()

    wanted = ("Access-Control-Allow-Origin", "X-Request-ID", "X-Content-Type-Options")
    assert [headers[name] for name in wanted] == ["http://localhost:3000", "of-a-body", "nosniff"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]


@pytest.fixture
def strict_https(settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS = 60
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


OF_ONE_RESPONSE = {"date", "x-request-id", "content-type", "content-length", "transfer-encoding", "vary", "allow"}


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/video-jobs/7"])
def test_headers_are_those_of_the_web_process(strict_https: None, live: Live, client: Any, path: str) -> None:
    connection, response = live.request(path, X_Forwarded_Proto="https")
    of_live = {name.lower(): text for name, text in response.getheaders()}
    connection.close()
    of_web = {name.lower(): text for name, text in client.get(path, headers={"X-Forwarded-Proto": "https"}).items()}

    for name in OF_ONE_RESPONSE:
        of_live.pop(name, None)
        of_web.pop(name, None)
    assert of_live == of_web
    assert {"strict-transport-security", "x-content-type-options"} <= of_live.keys()


def test_plain_http_is_redirected_except_for_probes(strict_https: None, live: Live) -> None:
    found = []
    for path in ("/healthz", "/api/v1/video-jobs/7"):
        connection, response = live.request(path)
        found.append((response.status, response.headers.get("Location", "")))
        connection.close()

    assert found == [(200, ""), (301, f"https://127.0.0.1:{live.port}/api/v1/video-jobs/7")]
