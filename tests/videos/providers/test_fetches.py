"""Fetching finished films: what may go wrong, and who gets to see the key."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_django import Settings

from tests.fakes.google import FakeGoogle
from tests.videos.providers.conftest import Make, ask, poll
from tests.videos.providers.outcomes import (
    AGAIN,
    BROKEN,
    GONE,
    Outcome,
    be_impatient,
    cases,
    failed,
)
from videos.providers.base import Finished, ProviderError, Refused, Unreachable
from videos.providers.google_download import MISSING_TRIES

DOWNLOADS: dict[str, tuple[dict[str, Any], int, Outcome]] = {  # fault, failed tries before, outcome
    "404": ({"fault": "404"}, MISSING_TRIES - 1, AGAIN),
    "404 for long": ({"fault": "404"}, MISSING_TRIES, GONE),
    "403": ({"fault": "403"}, 99, AGAIN),
    "500": ({"fault": "500"}, 99, AGAIN),
    "503 from a proxy": ({"fault": "503", "bare": True}, 99, AGAIN),
    "reset": ({"fault": "reset"}, 99, AGAIN),
    "silence": ({"fault": "hang"}, 99, AGAIN),
    "slower than the time-out": ({"fault": "drip", "seconds": 1.5}, 99, AGAIN),
    "truncated": ({"fault": "truncate"}, 99, AGAIN),
    "redirect loop": ({"fault": "loop", "times": 99}, 99, AGAIN),
    "redirect elsewhere": ({"fault": "elsewhere"}, 99, AGAIN),
    "too large": ({"fault": "huge"}, 0, (Refused, "invalid_video")),
}


@pytest.mark.parametrize("case", cases(DOWNLOADS))
def test_a_failed_download_is_repeated_unless_it_is_in_vain(
    case: str, make: Make, google: FakeGoogle, settings: Settings, tmp_path: Path
) -> None:
    fault, attempt, outcome = DOWNLOADS[case]
    be_impatient(fault, settings)
    adapter = make("google_veo")
    operation = adapter.start(ask("google_veo"))
    done = poll(adapter, operation.name, ask("google_veo"))
    assert isinstance(done, Finished)
    google.script("download", **fault)

    with pytest.raises(ProviderError) as error:
        adapter.fetch(done.result, ask("google_veo", attempt=attempt), tmp_path / "video.mp4")

    assert failed(error) == outcome
    assert google.calls("stray") == []


@pytest.mark.parametrize("name", ["google_vertex", "google_omni"])
@pytest.mark.parametrize(
    ("film", "most", "outcome"),
    [(b"no film" * 9999, 10**9, BROKEN), (b"\0\0\0\x18ftypisom" * 9999, 1000, (Refused, "invalid_video"))],
)
def test_a_film_inside_a_reply_is_checked(
    name: str,
    film: bytes,
    most: int,
    outcome: Outcome,
    make: Make,
    google: FakeGoogle,
    settings: Settings,
    tmp_path: Path,
) -> None:
    google.account.film, settings.VIDEO_MAX_BYTES = film, most
    adapter = make(name)
    operation = adapter.start(ask(name))
    done = poll(adapter, operation.name, ask(name))
    assert done == Finished(operation.name)

    with pytest.raises(ProviderError) as error:
        adapter.fetch(done.result, ask(name), tmp_path / "video.mp4")

    assert failed(error) == outcome


def test_no_message_of_a_download_tells_the_key(make: Make, google: FakeGoogle, tmp_path: Path) -> None:
    adapter = make("google_veo")
    operation = adapter.start(ask("google_veo"))
    done = poll(adapter, operation.name, ask("google_veo"))
    assert isinstance(done, Finished)
    google.script("download", "403", message="Consumer 'api_key:gemini-key' is suspended")

    with pytest.raises(Unreachable, match=r"Consumer 'api_key:\[key\]' is suspended"):
        adapter.fetch(done.result, ask("google_veo"), tmp_path / "video.mp4")


def test_nothing_is_fetched_from_elsewhere(make: Make, google: FakeGoogle, tmp_path: Path) -> None:
    adapter = make("google_veo")

    for url in (
        "https://evil.example/film",
        "http://localhost:1/film",
        "file:///etc/passwd",
        "https://googleapis.com.x/",
    ):
        with pytest.raises(Unreachable, match="not Google's"):
            adapter.fetch(url, ask("google_veo"), tmp_path / "video.mp4")

    assert google.calls("stray") == []


def test_the_key_is_for_the_house_that_it_opens(make: Make, settings: Settings) -> None:
    settings.GOOGLE_GEMINI_BASE_URL = settings.GOOGLE_VERTEX_BASE_URL = ""
    veo, vertex = make("google_veo").house, make("google_vertex").house
    gemini, bucket = "https://generativelanguage.googleapis.com/v1beta/x", "https://storage.googleapis.com/x"

    told = [[bool(house.headers_for(httpx.URL(url))) for url in (gemini, bucket)] for house in (veo, vertex)]

    assert told == [[True, False], [False, True]]
