"""What the engine may expect of every adapter; and what each of them makes of a request on the wire.

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
from tests.videos.providers.conftest import ADAPTERS, GOOGLES, MODELS, SUBMITTING, Make, ask, begin, picture, poll
from videos import mp4
from videos.providers.base import Finished, Operation, Progress, Refused, Unreachable

LIVE = {
    "google_omni": "GEMINI_API_KEY",
    "google_omni_vertex": "VERTEX_PROJECT",
    "google_vertex": "VERTEX_PROJECT",
}


@pytest.fixture
def live(request: pytest.FixtureRequest, settings: Settings) -> Any:
    """The adapter on the real service."""
    name = request.param
    setting = LIVE[name]
    setattr(settings, setting, os.environ[f"LIVE_{setting}"])
    settings.GOOGLE_GEMINI_BASE_URL = settings.GOOGLE_VERTEX_BASE_URL = settings.VERTEX_API_KEY = ""
    adapter = ADAPTERS[name]()
    yield adapter
    adapter.house.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", ADAPTERS)
def test_a_video_is_made_from_start_to_file(
    name: str, make: Make, google: FakeGoogle, settings: Settings, tmp_path: Path
) -> None:
    settings.MOCK_VIDEO_SECONDS = google.account.work_seconds = 1
    google.account.film = None  # one of the length asked for
    adapter, request = make(name), ask(name)

    operation = begin(adapter, name, google)
    first = poll(adapter, operation.name, request)
    time.sleep(1.05)
    done = poll(adapter, operation.name, request)
    assert isinstance(done, Finished)
    adapter.fetch(done.result, request, tmp_path / "video.mp4")

    assert isinstance(operation, Operation)
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
def test_a_video_is_made_by_google_itself(live: Any, request: pytest.FixtureRequest, tmp_path: Path) -> None:
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
def test_a_finished_file_can_be_fetched_twice_and_byte_for_byte(
    name: str, make: Make, google: FakeGoogle, tmp_path: Path
) -> None:
    adapter, request = make(name), ask(name)
    operation = begin(adapter, name, google)
    done = poll(adapter, operation.name, request)
    assert isinstance(done, Finished)

    for _ in range(2):
        adapter.fetch(done.result, request, tmp_path / "video.mp4")

    assert (tmp_path / "video.mp4").read_bytes() == google.account.film_of(google.account.works[operation.name])


def test_veo_sends_every_option(make: Make, google: FakeGoogle) -> None:
    request = ask(
        "google_vertex",
        resolution="1080p",
        aspect_ratio="9:16",
        duration_seconds=8,
        generate_audio=True,
        first_frame=picture(b"first"),
        last_frame=picture(b"last", "image/png"),
    )

    make("google_vertex").start(request)

    call = google.calls("submit")[0]
    assert call["body"] == {
        "instances": [
            {
                "prompt": "A red dress in the wind",
                "image": {"bytesBase64Encoded": "Zmlyc3Q=", "mimeType": "image/jpeg"},
                "lastFrame": {"bytesBase64Encoded": "bGFzdA==", "mimeType": "image/png"},
            }
        ],
        "parameters": {
            "sampleCount": 1,
            "durationSeconds": 8,
            "resolution": "1080p",
            "aspectRatio": "9:16",
            "generateAudio": True,
        },
    }


def test_veo_with_a_key_has_ended(make: Make, google: FakeGoogle) -> None:
    with pytest.raises(Refused) as refusal:
        make("google_veo").start(ask("google_veo"))

    assert refusal.value.code == "model_unavailable"
    assert google.account.calls == []


def test_veo_sends_references_as_assets(make: Make, google: FakeGoogle) -> None:
    request = ask("google_vertex", duration_seconds=8, references=(picture(b"coat"), picture(b"hat", "image/webp")))

    make("google_vertex").start(request)

    assert google.calls("submit")[0]["body"]["instances"][0] == {
        "prompt": "A red dress in the wind",
        "referenceImages": [
            {"image": {"bytesBase64Encoded": "Y29hdA==", "mimeType": "image/jpeg"}, "referenceType": "ASSET"},
            {"image": {"bytesBase64Encoded": "aGF0", "mimeType": "image/webp"}, "referenceType": "ASSET"},
        ],
    }


@pytest.mark.parametrize("generate_audio", [True, False])
def test_veo_on_vertex_sends_whether_sound_is_wanted(make: Make, google: FakeGoogle, generate_audio: bool) -> None:
    make("google_vertex").start(ask("google_vertex", generate_audio=generate_audio))

    call = google.calls("submit")[0]
    path = "/v1beta1/publishers/google/models/veo-3.1-generate-001:predictLongRunning"
    assert (call["path"], call["key"]) == (path, "vertex-key")
    assert call["body"] == {
        "instances": [{"prompt": "A red dress in the wind"}],
        "parameters": {
            "sampleCount": 1,
            "durationSeconds": 4,
            "resolution": "720p",
            "aspectRatio": "16:9",
            "generateAudio": generate_audio,
        },
    }


def test_omni_works_in_the_background(make: Make, google: FakeGoogle) -> None:
    make("google_omni").start(ask("google_omni", resolution="1080p", aspect_ratio="9:16"))

    call = google.calls("submit")[0]
    assert (call["path"], call["key"]) == ("/v1beta/interactions", "gemini-key")
    assert call["body"] == {
        "model": "gemini-omni-1.2-flash",
        "input": [{"type": "user_input", "content": [{"type": "text", "text": "A red dress in the wind"}]}],
        "response_format": {
            "type": "video",
            "aspect_ratio": "9:16",
            "resolution": "1080p",
            "duration": "4s",
            "delivery": "uri",
        },
        "generation_config": {"video_config": {"task": "text_to_video"}},
        "background": True,
        "store": True,
    }


@pytest.mark.parametrize(
    ("pictures", "task", "sent"),
    [
        ({"first_frame": picture(b"first")}, "image_to_video", ["Zmlyc3Q="]),
        (
            {"first_frame": picture(b"first"), "last_frame": picture(b"last")},
            "image_to_video",
            ["Zmlyc3Q=", "bGFzdA=="],
        ),
        ({"references": (picture(b"coat"), picture(b"hat"))}, "reference_to_video", ["Y29hdA==", "aGF0"]),
    ],
)
def test_omni_is_told_what_the_pictures_are_for(
    make: Make, google: FakeGoogle, pictures: dict[str, Any], task: str, sent: list[str]
) -> None:
    make("google_omni").start(ask("google_omni", **pictures))

    body = google.calls("submit")[0]["body"]
    images = [{"type": "image", "data": data, "mime_type": "image/jpeg"} for data in sent]
    assert body["generation_config"] == {"video_config": {"task": task}}
    assert body["input"][0]["content"] == [*images, {"type": "text", "text": "A red dress in the wind"}]


@pytest.mark.parametrize(
    "pictures",
    [
        {"last_frame": picture(b"last")},
        {"first_frame": picture(b"a"), "last_frame": picture(b"b"), "references": (picture(b"hat"),)},
    ],
)
def test_omni_refuses_what_it_has_no_task_for(make: Make, google: FakeGoogle, pictures: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refusal:
        make("google_omni").start(ask("google_omni", **pictures))

    assert refusal.value.code == "provider_refused"
    assert google.calls("submit") == []


def test_omni_is_told_each_pictures_part_where_a_first_frame_comes_with_references(
    make: Make, google: FakeGoogle
) -> None:
    request = ask("google_omni", first_frame=picture(b"first"), references=(picture(b"coat"), picture(b"hat")))

    make("google_omni").start(request)

    body = google.calls("submit")[0]["body"]
    *images, text = body["input"][0]["content"]
    assert [image["data"] for image in images] == ["Zmlyc3Q=", "Y29hdA==", "aGF0"]
    assert text["text"] == (
        "[# Sources <FIRST_FRAME>@Image1] [# References <IMAGE_REF_0>@Image2 <IMAGE_REF_1>@Image3] "
        "A red dress in the wind "
        "Use Image1 as the starting frame. Use Image2, Image3 as references for the video generation."
    )
    assert "generation_config" not in body


@pytest.mark.parametrize(
    ("bucket", "delivery"),
    [("", {"delivery": "inline"}), ("gs://films/here", {"delivery": "uri", "gcs_uri": "gs://films/here"})],
)
def test_omni_on_vertex_needs_a_bucket_to_give_a_url(
    make: Make, google: FakeGoogle, settings: Settings, bucket: str, delivery: dict[str, str]
) -> None:
    settings.VERTEX_OUTPUT_GCS_URI = bucket

    make("google_omni_vertex").start(ask("google_omni_vertex"))

    call = google.calls("submit")[0]
    form = {"type": "video", "aspect_ratio": "16:9", "resolution": "720p", "duration": "4s"}
    assert (call["path"], call["key"]) == ("/v1beta1/interactions", "vertex-key")
    assert call["body"]["response_format"] == form | delivery
    assert "previous_interaction_id" not in call["body"]


@pytest.mark.parametrize("name", GOOGLES)
def test_a_model_is_looked_up_for_nothing(name: str, make: Make, google: FakeGoogle) -> None:
    adapter = make(name)
    google.account.retired.add("gemini-omni-1.1-flash")

    found = [adapter.has_model(model) for model in (MODELS[name], "gemini-omni-1.1-flash")]
    google.script("probe", "404", bare=True)
    google.script("probe", "403")
    for _ in range(2):  # a proxy's 404 says nothing, nor does a key that is refused
        with pytest.raises(Unreachable):
            adapter.has_model(MODELS[name])

    assert found == [True, False]
    assert {call["action"] for call in google.account.calls} == {"probe"}


@pytest.mark.parametrize("name", GOOGLES)
def test_environment_changes_neither_version_nor_client(
    name: str, make: Make, google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_GENAI_API_VERSION", "v9")
    monkeypatch.setenv("GOOGLE_GENAI_HTTP_CLIENT", "httpx2")  # the client is ours, too
    adapter = make(name)

    operation = begin(adapter, name, google)
    poll(adapter, operation.name, ask(name))

    version = "/v1beta1/" if name.endswith("vertex") else "/v1beta/"
    assert all(call["path"].startswith(version) for call in google.account.calls)


def test_omni_fetches_from_a_url_where_google_gives_one(make: Make, google: FakeGoogle, tmp_path: Path) -> None:
    google.account.omni_gives_urls = True
    adapter, request = make("google_omni"), ask("google_omni")
    operation = adapter.start(request)

    done = poll(adapter, operation.name, request)
    assert isinstance(done, Finished)
    adapter.fetch(done.result, request, tmp_path / "video.mp4")

    assert done.result.startswith(f"{google.url}/v1beta/files/")
    assert (tmp_path / "video.mp4").read_bytes() == google.account.film_of(google.account.works[operation.name])


def test_models_are_named_for_every_adapter() -> None:
    assert set(MODELS) == set(ADAPTERS)
