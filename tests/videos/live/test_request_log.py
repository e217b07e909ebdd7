"""The line of each response in the log."""

from http.client import HTTPConnection
from typing import Any

import pytest

from accounts.sign_in import api_keys, grants
from studio.observability.log import LineFormatter
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob
from tests.videos.live.conftest import SECONDS, Live
from tests.videos.live.test_connections import wait_until
from videos import live_tickets
from videos.phases import Phase

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
URL = "/api/v1/video-jobs/events"


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records if record.message == "request.finished"]


def facts(line: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(line[name] for name in ("levelname", "method", "path", "status", "request_id"))


def test_each_response_has_a_line_without_its_query(
    live: Live, make_user: MakeUser, make_job: MakeJob, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    job = make_job(make_user(), phase=Phase.GENERATING)
    path = f"/api/v1/video-jobs/{job.pk}"

    live.get(f"{path}?wait=1", user=job.owner, X_Request_ID="a-wait")
    live.get(f"{URL}?ticket=secret", X_Request_ID="a-refusal")
    live.get("/%0aforged", X_Request_ID="a-404")
    connection = HTTPConnection("127.0.0.1", live.port, timeout=SECONDS)
    connection.request("POST", URL, b"{}", {"X-Request-ID": "a-body"})
    connection.getresponse().read()
    connection.close()

    wait_until(lambda: len(lines(caplog)) == 4)
    assert [facts(line) for line in lines(caplog)] == [
        ("INFO", "GET", path, 200, "a-wait"),
        ("INFO", "GET", URL, 401, "a-refusal"),
        ("INFO", "GET", "/%0aforged", 404, "a-404"),
        ("INFO", "POST", URL, 413, "a-body"),
    ]
    assert lines(caplog)[0]["milliseconds"] >= 1000


def test_stream_has_a_line_when_it_has_ended(live: Live, make_user: MakeUser, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    ticket, _ = live_tickets.issue(grants.Grant(make_user().pk))
    stream = live.stream(f"{URL}?ticket={ticket}", X_Request_ID="a-stream")
    assert lines(caplog) == []

    live.server.should_exit = True
    stream.wait_for_end()

    wait_until(lambda: bool(lines(caplog)))
    assert [facts(line) for line in lines(caplog)] == [("INFO", "GET", URL, 200, "a-stream")]
    assert ticket not in caplog.text


def test_line_names_the_api_key(live: Live, make_user: MakeUser, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    caplog.handler.setFormatter(LineFormatter())  # writes the line's context, too
    key, text = api_keys.create(user=make_user(), name="script", scopes=["videos:read"])

    live.stream(token=text).close()

    wait_until(lambda: bool(lines(caplog)))
    written = caplog.text.splitlines()[-1]
    assert f"request.finished api_key_id={key.pk} method=GET" in written
    assert text not in caplog.text
