"""Fetching finished videos: failures, and the hosts that receive the key."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_django import Settings

from tests.fakes.google import FakeGoogle
from tests.fakes.google_account import video_of_length
from tests.videos.providers.conftest import Make, ask, begin, poll
from tests.videos.providers.outcomes import (
    AGAIN,
    GONE,
    UNREADABLE,
    UNREADABLE_YET,
    Outcome,
    be_impatient,
    cases,
    failed,
)
from videos.providers.base import Finished, ProviderError, Refused, Unreachable
from videos.providers.google_client import GEMINI_URL, STORAGE_URL
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
    "redirect away": ({"fault": "redirect"}, MISSING_TRIES - 1, UNREADABLE_YET),
    "redirect away for long": ({"fault": "redirect"}, MISSING_TRIES, UNREADABLE),
    "JSON": ({"fault": "empty"}, MISSING_TRIES - 1, UNREADABLE_YET),
    "JSON for long": ({"fault": "empty"}, MISSING_TRIES, UNREADABLE),
    "HTML": ({"fault": "garbage"}, MISSING_TRIES - 1, UNREADABLE_YET),
    "HTML for long": ({"fault": "garbage"}, MISSING_TRIES, UNREADABLE),
    "too large": ({"fault": "huge"}, 0, (Refused, "invalid_video")),
}


def finished(make: Make, google: FakeGoogle, name: str = "google_omni") -> tuple[Any, str]:
    """An adapter and the URL of a video that it submitted."""
    google.account.omni_gives_urls = True
    adapter = make(name)
    operation = begin(adapter, name, google)
    done = poll(adapter, operation.name, ask(name))
    assert isinstance(done, Finished)
    return adapter, done.result


@pytest.mark.parametrize("case", cases(DOWNLOADS))
def test_failed_download_is_repeated_unless_it_is_final(
    case: str, make: Make, google: FakeGoogle, settings: Settings, tmp_path: Path
) -> None:
    fault, attempt, outcome = DOWNLOADS[case]
    be_impatient(fault, settings)
    adapter, result = finished(make, google)
    google.script("download", **fault)

    with pytest.raises(ProviderError) as error:
        adapter.fetch(result, ask("google_omni", missing=attempt), tmp_path / "video.mp4")

    assert failed(error) == outcome
    assert google.calls("stray") == []


@pytest.mark.parametrize("name", ["google_vertex", "google_omni", "google_omni_vertex"])
@pytest.mark.parametrize(
    ("video", "most", "outcome"),
    [(b"no video" * 9999, 10**9, UNREADABLE_YET), (b"\0\0\0\x18ftypisom" * 9999, 1000, (Refused, "invalid_video"))],
    ids=["no video", "too large"],
)
def test_inline_video_is_checked(
    name: str,
    video: bytes,
    most: int,
    outcome: Outcome,
    make: Make,
    google: FakeGoogle,
    settings: Settings,
    tmp_path: Path,
) -> None:
    google.account.video, settings.VIDEO_MAX_BYTES = video, most
    adapter = make(name)
    operation = begin(adapter, name, google)
    done = poll(adapter, operation.name, ask(name))
    assert done == Finished(operation.name)

    with pytest.raises(ProviderError) as error:
        adapter.fetch(done.result, ask(name), tmp_path / "video.mp4")

    assert failed(error) == outcome


def test_no_message_of_a_download_contains_the_key(make: Make, google: FakeGoogle, tmp_path: Path) -> None:
    adapter, result = finished(make, google)
    google.script("download", "403", message="Consumer 'api_key:gemini-key' is suspended")

    with pytest.raises(Unreachable, match=r"Consumer 'api_key:\[hidden\]' is suspended"):
        adapter.fetch(result, ask("google_omni"), tmp_path / "video.mp4")


@pytest.mark.parametrize("name", ["google_veo", "google_vertex", "google_omni"])
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/video",
        "http://localhost:1/video",
        "http://storage.googleapis.com/x",
        "https://googleapis.com.x/",
    ],
)
def test_url_that_is_not_googles_ends_the_job_at_once(
    name: str, url: str, make: Make, google: FakeGoogle, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match="not Google's") as error:
        make(name).fetch(url, ask(name), tmp_path / "video.mp4")

    assert failed(error) == UNREADABLE
    assert google.account.calls == []


@pytest.mark.parametrize(("attempt", "outcome"), [(MISSING_TRIES - 1, UNREADABLE_YET), (MISSING_TRIES, UNREADABLE)])
def test_invalid_url_ends_the_job_after_some_tries(attempt: int, outcome: Outcome, make: Make, tmp_path: Path) -> None:
    with pytest.raises(ProviderError) as error:
        make("google_omni").fetch("https://\0/video", ask("google_omni", missing=attempt), tmp_path / "video.mp4")

    assert failed(error) == outcome


@pytest.mark.parametrize(
    "end", [":download?alt=media", ":download", "", ":download?alt=json", "?alt=media", ":download?x=1"]
)
def test_content_is_fetched_not_metadata(end: str, make: Make, google: FakeGoogle, tmp_path: Path) -> None:
    google.account.files_end = end
    adapter, result = finished(make, google)

    adapter.fetch(result, ask("google_omni"), tmp_path / "video.mp4")

    assert result.endswith(end)
    assert (tmp_path / "video.mp4").read_bytes() == google.account.video
    assert google.calls("metadata") == []


@pytest.mark.parametrize("query", ["", "?alt=json", "?alt=media"])
def test_object_in_a_bucket_is_fetched(query: str, make: Make, google: FakeGoogle, tmp_path: Path) -> None:
    _, inside = finished(make, google, "google_vertex")
    file_id = google.account.works[inside].file_id
    url = f"{STORAGE_URL}/storage/v1/b/bucket/o/folder%2F{file_id}%2Fsample_0.mp4{query}"

    make("google_vertex").fetch(url, ask("google_vertex"), tmp_path / "video.mp4")

    assert (tmp_path / "video.mp4").read_bytes() == google.account.video
    assert [(call["path"], call["key"]) for call in google.calls("download")] == [
        (f"/storage/v1/b/bucket/o/folder%2F{file_id}%2Fsample_0.mp4?alt=media", "vertex-key")
    ]


@pytest.mark.parametrize("prefix", ["", "/google/gemini"])
def test_files_at_google_are_requested_from_the_gateway(
    prefix: str, make: Make, settings: Settings, tmp_path: Path
) -> None:
    video = video_of_length(1)
    with FakeGoogle(video=video, prefix=prefix, files_at=GEMINI_URL) as gateway:
        settings.GOOGLE_GEMINI_BASE_URL = gateway.url
        adapter, result = finished(make, gateway)
        adapter.fetch(result, ask("google_omni"), tmp_path / "video.mp4")
        calls = [(call["path"], call["key"]) for call in gateway.calls("download")]

    name = result.removeprefix(f"{GEMINI_URL}/v1beta/files/")
    assert (tmp_path / "video.mp4").read_bytes() == video
    assert calls == [(f"{way}/v1beta/files/{name}", "gemini-key") for way in ("", "/download")]


def test_gateway_gets_no_requests_for_other_hosts(make: Make, google: FakeGoogle, tmp_path: Path) -> None:
    for url in (f"{STORAGE_URL}/bucket/video.mp4", "https://lh3.googleusercontent.com/video", "gs://bucket/video.mp4"):
        with pytest.raises(ProviderError) as error:  # sockets lead nowhere but to this machine
            make("google_omni").fetch(url, ask("google_omni", missing=99), tmp_path / "video.mp4")
        assert failed(error) == AGAIN

    assert google.account.calls == []


def test_key_is_sent_to_its_own_backend_only(make: Make, settings: Settings) -> None:
    settings.GOOGLE_GEMINI_BASE_URL = settings.GOOGLE_VERTEX_BASE_URL = ""
    veo, vertex = make("google_veo").backend, make("google_vertex").backend
    gemini, bucket = "https://generativelanguage.googleapis.com/v1beta/x", "https://storage.googleapis.com/x"

    is_allowed = [[bool(backend.headers_for(httpx.URL(url))) for url in (gemini, bucket)] for backend in (veo, vertex)]

    assert is_allowed == [[True, False], [False, True]]
