"""A response that trickles for ever ends at its deadline: status line, headers, chunk sizes, body."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.auth.exceptions import TransportError
from google.auth.transport.requests import Request as TokenRequest

from studio import deadlines
from tests.fakes.trickle import KINDS, TricklingServer
from tests.videos.providers.conftest import ask
from videos.providers import google_client, google_download, google_http
from videos.providers.base import OutcomeUnknown, ProviderError, Unreachable
from videos.providers.google_deadlines import session
from videos.providers.google_omni import Omni

LIMIT = 0.5  # seconds, in place of a minute and more
# Far above the limit, and far below a trickle without a deadline, which never ends.
ENOUGH = 20

pytestmark = pytest.mark.slow


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[TricklingServer]:
    with TricklingServer(request.param) as server:
        yield server


@pytest.fixture(autouse=True)
def _short_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each silence may be long; the whole may not."""
    monkeypatch.setattr(google_download, "DEADLINE_SECONDS", LIMIT)
    monkeypatch.setattr(google_download, "CHECK_SECONDS", LIMIT)
    monkeypatch.setattr(google_http, "DEADLINE_SECONDS", LIMIT)
    monkeypatch.setattr(google_http, "BODY_SECONDS", LIMIT)
    monkeypatch.setattr(google_http, "CONNECT_SECONDS", LIMIT)


@pytest.fixture
def omni(server: TricklingServer, settings: Any) -> Iterator[Omni]:
    settings.GEMINI_API_KEY, settings.GOOGLE_GEMINI_BASE_URL = "gemini-key", server.url
    settings.PROVIDER_TIMEOUT_SECONDS = 1
    omni = Omni()
    yield omni
    omni.backend.close()


@contextmanager
def soon() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < ENOUGH


def refused(work: Callable[[], object]) -> type[ProviderError]:
    with soon(), pytest.raises(ProviderError) as error:
        work()
    return type(error.value)


def test_endless_download_ends(omni: Omni, server: TricklingServer, tmp_path: Path) -> None:
    fetch = omni.fetch

    assert refused(lambda: fetch(f"{server.url}/video.mp4", ask("google_omni"), tmp_path / "x.mp4")) == Unreachable


def test_endless_inline_video_ends(omni: Omni, tmp_path: Path) -> None:
    assert refused(lambda: omni.fetch("v1_7", ask("google_omni"), tmp_path / "x.mp4")) == Unreachable


def test_endless_submit_ends(omni: Omni) -> None:
    assert refused(lambda: omni.start(ask("google_omni"))) == OutcomeUnknown


def test_endless_probe_and_check_end(omni: Omni) -> None:
    assert refused(omni.probe) == Unreachable
    assert refused(lambda: omni.check_file("v1_7", ask("google_omni"))) == Unreachable


def test_endless_sign_in_ends(server: TricklingServer) -> None:
    with soon(), deadlines.limit(LIMIT), pytest.raises(TransportError):
        TokenRequest(session())(server.url, timeout=5)


def test_request_through_a_proxy_is_bounded_too(server: TricklingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    http = google_client.BoundedClient(timeout_seconds=1, keeps_connections=True)

    with http, soon(), pytest.raises(httpx.HTTPError):
        http.get("http://google.example/")


def test_outer_limit_that_ends_sooner_counts() -> None:
    with deadlines.limit(1), deadlines.limit(100):
        inner = deadlines.seconds_left(None)
    with deadlines.limit(100), deadlines.limit(1):
        outer = deadlines.seconds_left(50)

    assert inner is not None
    assert outer is not None
    assert (inner <= 1, outer <= 1, deadlines.seconds_left(50), deadlines.seconds_left(None)) == (True, True, 50, None)
