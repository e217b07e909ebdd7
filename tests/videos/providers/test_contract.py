"""The contract between the engine and every adapter; of Veo by key, only that it finishes what was started.

The same suite runs on the real services where LIVE_GEMINI_API_KEY or LIVE_VERTEX_PROJECT (with Google's usual
credentials) is set: it costs a few cents a video.
"""

import os
import time
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from tests.fakes.google import FakeGoogle
from tests.videos.providers.conftest import ADAPTERS, GOOGLES, MODELS, SUBMITTING, Make, ask, begin, poll
from tests.videos.providers.outcomes import RETIRED, failed
from videos.media import mp4
from videos.providers.base import Finished, Progress, ProviderError, Refused, Unreachable

LIVE = {"google_omni": "GEMINI_API_KEY", "google_vertex": "VERTEX_PROJECT", "google_omni_vertex": "VERTEX_PROJECT"}


@pytest.fixture
def live(request: pytest.FixtureRequest, settings: Settings) -> Any:
    """The adapter on the real service."""
    name = request.param
    setting = LIVE[name]
    setattr(settings, setting, os.environ[f"LIVE_{setting}"])
    settings.GOOGLE_GEMINI_BASE_URL = settings.GOOGLE_VERTEX_BASE_URL = settings.VERTEX_API_KEY = ""
    adapter = ADAPTERS[name]()
    yield adapter
    adapter.backend.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", ADAPTERS)
def test_video_is_made_from_start_to_file(
    name: str, make: Make, google: FakeGoogle, settings: Settings, tmp_path: Path
) -> None:
    settings.MOCK_VIDEO_SECONDS = google.account.work_seconds = 1
    google.account.video = None  # one of the length asked for
    adapter, request = make(name), ask(name)

    operation = begin(adapter, name, google).name
    first = poll(adapter, operation, request)
    time.sleep(1.05)
    done = poll(adapter, operation, request)
    assert isinstance(done, Finished)
    adapter.fetch(done.result, request, tmp_path / "video.mp4")

    assert isinstance(first, Progress)
    assert len(done.result) < 500
    assert mp4.inspect(path=tmp_path / "video.mp4").duration_seconds == pytest.approx(4, abs=0.5)
    assert len(google.calls("submit")) == (name in SUBMITTING)


@pytest.mark.slow
@pytest.mark.enable_socket
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "live",
    [
        pytest.param(
            name,
            marks=pytest.mark.skipif(not os.environ.get(f"LIVE_{setting}"), reason=f"LIVE_{setting} is not set"),
        )
        for name, setting in LIVE.items()
    ],
    indirect=True,
)
def test_video_is_made_by_google_itself(live: Any, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    name = next(name for name, adapter in ADAPTERS.items() if type(live) is adapter)
    order = ask(name, prompt="A red scarf on a white table, nothing moves")
    operation = live.start(order)
    seen: Progress | Finished = Progress()
    while isinstance(seen, Progress):
        time.sleep(10)
        seen = poll(live, operation.name, order)
    live.fetch(seen.result, order, tmp_path / "video.mp4")

    assert mp4.inspect(path=tmp_path / "video.mp4").duration_seconds == pytest.approx(4, abs=0.5)


@pytest.mark.parametrize("name", GOOGLES)
def test_finished_file_can_be_fetched_twice_and_byte_for_byte(
    name: str, make: Make, google: FakeGoogle, tmp_path: Path
) -> None:
    adapter, request = make(name), ask(name)
    operation = begin(adapter, name, google).name
    done = poll(adapter, operation, request)
    assert isinstance(done, Finished)

    for _ in range(2):
        adapter.fetch(done.result, request, tmp_path / "video.mp4")

    assert (tmp_path / "video.mp4").read_bytes() == google.account.video_of(google.account.works[operation])


def test_veo_by_key_refuses_without_asking(make: Make, google: FakeGoogle) -> None:
    with pytest.raises(Refused) as refusal:
        make("google_veo").start(ask("google_veo"))

    assert failed(refusal) == RETIRED
    assert google.account.calls == []


@pytest.mark.parametrize("name", ADAPTERS)
def test_existing_model_is_known(name: str, make: Make, google: FakeGoogle) -> None:
    assert make(name).has_model(MODELS[name]) is True
    assert google.calls("submit") == google.calls("stray") == []
    assert len(google.calls("probe")) == (name in GOOGLES)


@pytest.mark.parametrize("name", GOOGLES)
def test_retired_model_differs_from_no_response(name: str, make: Make, google: FakeGoogle) -> None:
    google.account.retired = {MODELS[name]}
    adapter = make(name)

    assert adapter.has_model(MODELS[name]) is False
    assert adapter.has_model("misspelt") is False
    for fault in ("500", "401", "403", "429", "400", "garbage", "empty", "reset", "redirect"):
        google.script("probe", fault)
        with pytest.raises(Unreachable):
            adapter.has_model(MODELS[name])
    google.script("probe", "404", bare=True)  # of something in between
    with pytest.raises(Unreachable):
        adapter.has_model(MODELS[name])


@pytest.mark.parametrize("name", SUBMITTING)
def test_retired_model_is_refused_as_gone(name: str, make: Make, google: FakeGoogle) -> None:
    google.account.retired = {MODELS[name]}

    with pytest.raises(ProviderError) as error:
        make(name).start(ask(name))

    assert failed(error) == RETIRED
    assert f"models/{MODELS[name]} is not found" in str(error.value)
    assert google.account.works == {}


def test_models_are_named_for_every_adapter() -> None:
    assert set(MODELS) == set(ADAPTERS)
