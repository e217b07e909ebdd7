"""The meaning of each of Google's failures; and a submit is one POST, whatever happens to it."""

import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from tests.fakes.google import FakeGoogle
from tests.videos.providers.conftest import GOOGLES, SUBMITTING, Make, ask, begin, poll
from tests.videos.providers.outcomes import (
    AGAIN,
    BUSY,
    FAILED,
    FILTERED,
    IN_DOUBT,
    LOST,
    MISCONFIGURED,
    QUOTA,
    REFUSED,
    RETIRED,
    UNKNOWN,
    Outcome,
    be_impatient,
    cases,
    failed,
)
from videos.providers.base import Finished, Progress, ProviderError, Refused, Unreachable
from videos.providers.google_failures import MISSING_POLLS
from videos.providers.google_http import MAX_BYTES

SAFETY = "Veo could not generate videos because the input image violates Vertex AI's usage guidelines. Support codes: 1"

SUBMITS: dict[str, tuple[dict[str, Any], Outcome]] = {
    "429": ({"fault": "429"}, IN_DOUBT),
    "503": ({"fault": "503", "message": "The model is overloaded."}, IN_DOUBT),
    "429 after": ({"fault": "lost-429"}, IN_DOUBT),
    "503 after": ({"fault": "lost-503"}, IN_DOUBT),
    "429 of a quota": ({"fault": "429", "quota": "RequestsPerMinutePerProject"}, BUSY),
    "429 from a proxy": ({"fault": "429", "bare": True}, UNKNOWN),
    "503 from a proxy": ({"fault": "503", "bare": True}, UNKNOWN),
    "500": ({"fault": "500"}, UNKNOWN),
    "502": ({"fault": "502"}, UNKNOWN),
    "504": ({"fault": "504"}, UNKNOWN),
    "408": ({"fault": "408"}, UNKNOWN),
    "499": ({"fault": "499"}, UNKNOWN),
    "302": ({"fault": "302", "bare": True}, UNKNOWN),
    "418": ({"fault": "418"}, REFUSED),  # the one status that the SDK's Interactions client would repeat here
    "400": ({"fault": "400"}, REFUSED),
    "400, key": ({"fault": "400", "reason": "API_KEY_INVALID"}, MISCONFIGURED),
    "400, billing": ({"fault": "400", "reason": "failed_precondition"}, MISCONFIGURED),
    "400 from a proxy": ({"fault": "400", "bare": True}, MISCONFIGURED),
    "401": ({"fault": "401"}, MISCONFIGURED),
    "402": ({"fault": "402"}, (Refused, "provider_quota")),
    "403": ({"fault": "403"}, MISCONFIGURED),
    "404": ({"fault": "404", "message": "models/veo-0 is not found"}, RETIRED),
    "404 from a proxy": ({"fault": "404", "bare": True}, MISCONFIGURED),
    "413": ({"fault": "413"}, REFUSED),
    "reset before": ({"fault": "reset"}, UNKNOWN),
    "reset after": ({"fault": "lost"}, UNKNOWN),
    "silence before": ({"fault": "hang"}, UNKNOWN),
    "silence after": ({"fault": "stall"}, UNKNOWN),
    "garbage": ({"fault": "garbage"}, UNKNOWN),
    "no name": ({"fault": "empty"}, UNKNOWN),
}

POLLS: dict[str, tuple[dict[str, Any], int, Outcome]] = {  # fault, failed polls before, outcome
    "500": ({"fault": "500"}, 99, AGAIN),
    "503": ({"fault": "503"}, 99, AGAIN),
    "429": ({"fault": "429"}, 99, AGAIN),
    "401": ({"fault": "401"}, 99, AGAIN),
    "403": ({"fault": "403"}, 99, AGAIN),
    "400, key": ({"fault": "400", "reason": "API_KEY_INVALID"}, 99, AGAIN),
    "400": ({"fault": "400"}, MISSING_POLLS - 1, AGAIN),
    "400, blocked": ({"fault": "400", "message": SAFETY}, 0, FILTERED),
    "404": ({"fault": "404"}, MISSING_POLLS - 1, AGAIN),
    "404 for long": ({"fault": "404"}, MISSING_POLLS, LOST),
    "404 from a proxy": ({"fault": "404", "bare": True}, 99, AGAIN),
    "reset": ({"fault": "reset"}, 99, AGAIN),
    "silence": ({"fault": "hang"}, 99, AGAIN),
    "garbage": ({"fault": "garbage"}, 99, AGAIN),
    "empty": ({"fault": "empty"}, 99, AGAIN),
}

ENDS: dict[str, tuple[dict[str, Any], Outcome]] = {
    "error": ({"fault": "error", "code": 13, "message": "Internal error."}, FAILED),
    "error, safety": ({"fault": "error", "code": 3, "message": SAFETY, "reason": "safety"}, FILTERED),
    "filtered": ({"fault": "filtered", "message": "58061214"}, FILTERED),
    "filtered, a count alone": ({"fault": "filtered-count"}, FILTERED),
}


@pytest.mark.parametrize("case", cases(SUBMITS))
@pytest.mark.parametrize("name", SUBMITTING)
def test_submit_is_posted_once_and_its_failure_is_classified(
    name: str, case: str, make: Make, google: FakeGoogle, settings: Settings
) -> None:
    fault, outcome = SUBMITS[case]
    be_impatient(fault, settings)
    google.script("submit", times=99, **fault)

    with pytest.raises(ProviderError) as error:
        make(name).start(ask(name))

    assert failed(error) == outcome
    assert error.value.__cause__ is not None or case == "no name"
    assert len(google.calls("submit")) == 1
    assert google.calls("stray") == []


@pytest.mark.parametrize("name", SUBMITTING)
def test_submit_without_a_connection_is_sent_later(name: str, make: Make, settings: Settings) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings.GOOGLE_GEMINI_BASE_URL = settings.GOOGLE_VERTEX_BASE_URL = (
            f"http://127.0.0.1:{unused.getsockname()[1]}"
        )
        with pytest.raises(ProviderError) as error:
            make(name).start(ask(name))

    assert failed(error) == BUSY


@pytest.mark.parametrize("name", SUBMITTING)
def test_missing_key_is_a_wrong_configuration(
    name: str, make: Make, google: FakeGoogle, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = make(name)
    adapter.backend.api_key = ""
    monkeypatch.setenv("GOOGLE_API_KEY", "another-key")

    with pytest.raises(Refused) as started:
        adapter.start(ask(name))
    with pytest.raises(Unreachable):  # nothing is lost if staff correct it in time
        poll(adapter, "operation", ask(name))

    assert failed(started) == MISCONFIGURED
    assert google.account.calls == []


@pytest.mark.parametrize("name", SUBMITTING)
def test_key_that_cannot_be_sent_is_a_wrong_configuration(name: str, make: Make) -> None:
    adapter = make(name)
    adapter.backend.api_key = "schlüssel"

    with pytest.raises(ProviderError) as error:
        adapter.start(ask(name))

    assert failed(error) == MISCONFIGURED


def test_daily_quota_differs_from_that_of_a_minute(make: Make, google: FakeGoogle) -> None:
    google.script("submit", "429", reason="GenerateRequestsPerDayPerProjectPerModel")
    google.script("submit", "429", reason="quota_exceeded")
    outcomes = []

    for name in ("google_vertex", "google_omni"):
        with pytest.raises(ProviderError) as error:
            make(name).start(ask(name))
        outcomes.append(failed(error))

    assert outcomes == [QUOTA, QUOTA]


@pytest.mark.parametrize("case", cases(POLLS))
@pytest.mark.parametrize("name", GOOGLES)
def test_failed_poll_is_repeated_unless_it_is_final(
    name: str, case: str, make: Make, google: FakeGoogle, settings: Settings
) -> None:
    fault, attempt, outcome = POLLS[case]
    be_impatient(fault, settings)
    adapter = make(name)
    operation = begin(adapter, name, google)
    google.script("poll", **fault)

    with pytest.raises(ProviderError) as error:
        poll(adapter, operation.name, ask(name, missing=attempt))

    assert failed(error) == outcome
    assert isinstance(poll(adapter, operation.name, ask(name)), Finished)


@pytest.mark.parametrize("case", ENDS)
@pytest.mark.parametrize("name", GOOGLES)
def test_end_of_an_operation_is_classified(name: str, case: str, make: Make, google: FakeGoogle) -> None:
    fault, outcome = ENDS[case]
    google.script("work", **fault)
    adapter = make(name)
    operation = begin(adapter, name, google)

    with pytest.raises(ProviderError) as error:
        poll(adapter, operation.name, ask(name))

    assert failed(error) == outcome


@pytest.mark.parametrize(
    ("code", "meaning"),
    [(7, "provider_misconfigured"), (8, "provider_quota"), (14, "provider_busy"), (3, "generation_failed")],
)
def test_operations_error_is_read_by_its_code(make: Make, google: FakeGoogle, code: int, meaning: str) -> None:
    google.script("work", "error", code=code)
    adapter = make("google_vertex")
    operation = adapter.start(ask("google_vertex"))

    with pytest.raises(ProviderError) as error:
        poll(adapter, operation.name, ask("google_vertex"))

    assert failed(error) == (Refused, meaning)


@pytest.mark.parametrize("name", GOOGLES)
def test_work_that_is_never_done_stays_in_progress(name: str, make: Make, google: FakeGoogle) -> None:
    google.script("work", "never")
    adapter = make(name)
    operation = begin(adapter, name, google)

    assert poll(adapter, operation.name, ask(name)) == Progress()


@pytest.mark.parametrize("name", GOOGLES)
def test_response_has_a_maximum_size(name: str, make: Make, google: FakeGoogle) -> None:
    adapter = make(name)
    operation = begin(adapter, name, google)
    google.script("poll", "flood")

    with pytest.raises(Unreachable, match=f"more than {MAX_BYTES} bytes"):
        poll(adapter, operation.name, ask(name))
    # the rest of it must not reach the next poll
    assert isinstance(poll(adapter, operation.name, ask(name)), Finished)


@pytest.mark.parametrize("name", GOOGLES)
def test_poll_follows_no_redirect(name: str, make: Make, google: FakeGoogle) -> None:
    adapter = make(name)
    operation = begin(adapter, name, google)
    google.script("poll", "redirect")

    with pytest.raises(Unreachable):
        poll(adapter, operation.name, ask(name))

    assert [call["action"] for call in google.account.calls if call["action"] != "submit"] == ["poll"]


@pytest.mark.parametrize("name", GOOGLES)
def test_proxy_of_the_environment_is_used(
    name: str, make: Make, google: FakeGoogle, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.GOOGLE_GEMINI_BASE_URL = settings.GOOGLE_VERTEX_BASE_URL = google.account.url = "http://google.invalid"
    monkeypatch.setenv("http_proxy", google.url)
    adapter = make(name)

    operation = begin(adapter, name, google)
    seen = poll(adapter, operation.name, ask(name))

    assert isinstance(seen, Finished)
    adapter.fetch(seen.result, ask(name), tmp_path / "video.mp4")

    assert (tmp_path / "video.mp4").read_bytes() == google.account.video
    assert all(call["path"].startswith("http://google.invalid/") for call in google.account.calls)


def test_no_message_contains_the_key(make: Make, google: FakeGoogle) -> None:
    message_with_key = (
        "Consumer 'api_key:gemini-key' or AIzaSyA0123456789012345678901234567890 at https://a.b/c?sig=abc is suspended"
    )
    google.script("submit", "403", message=message_with_key)

    with pytest.raises(Refused) as error:
        make("google_omni").start(ask("google_omni"))

    message = "Consumer 'api_key:[hidden]' or [hidden] at https://a.b/c?[query] is suspended"
    assert message in str(error.value)


@pytest.mark.parametrize("name", SUBMITTING)
def test_one_client_serves_many_threads(name: str, make: Make, google: FakeGoogle) -> None:
    adapter = make(name)
    names = set()

    def start() -> None:
        names.add(adapter.start(ask(name)).name)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert names == set(google.account.works)
    assert len(names) == 8
    assert len(adapter.backend._clients) == 1
