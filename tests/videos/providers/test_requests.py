"""The requests that the adapters send."""

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.google import FakeGoogle
from tests.videos.providers.conftest import GOOGLES, SUBMITTING, Make, ask, begin, picture, poll
from tests.videos.providers.outcomes import IN_DOUBT, UNKNOWN, failed
from videos.providers.base import Finished, ProviderError, Refused, Unreachable
from videos.providers.google_http import MAX_BYTES

OMNIS = ["google_omni", "google_omni_vertex"]
PROMPT = "A red dress in the wind"


def sent(google: FakeGoogle) -> dict[str, Any]:
    """The only submit."""
    call, *more = google.calls("submit")
    assert more == []
    return call


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

    call = sent(google)
    path = "/v1beta1/publishers/google/models/veo-3.1-generate-001:predictLongRunning"
    assert (call["path"], call["key"]) == (path, "vertex-key")
    assert call["body"] == {
        "instances": [
            {
                "prompt": PROMPT,
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


def test_veo_sends_references_as_assets(make: Make, google: FakeGoogle) -> None:
    request = ask("google_vertex", duration_seconds=8, references=(picture(b"coat"), picture(b"hat", "image/webp")))

    make("google_vertex").start(request)

    assert sent(google)["body"]["instances"][0] == {
        "prompt": PROMPT,
        "referenceImages": [
            {"image": {"bytesBase64Encoded": "Y29hdA==", "mimeType": "image/jpeg"}, "referenceType": "ASSET"},
            {"image": {"bytesBase64Encoded": "aGF0", "mimeType": "image/webp"}, "referenceType": "ASSET"},
        ],
    }


@pytest.mark.parametrize("generate_audio", [True, False])
def test_veo_sends_whether_sound_is_wanted(make: Make, google: FakeGoogle, generate_audio: bool) -> None:
    make("google_vertex").start(ask("google_vertex", generate_audio=generate_audio))

    assert sent(google)["body"]["parameters"]["generateAudio"] is generate_audio


@pytest.mark.parametrize(
    ("name", "path", "key", "delivery"),
    [
        ("google_omni", "/v1beta/interactions", "gemini-key", {"delivery": "uri"}),
        ("google_omni_vertex", "/v1beta1/interactions", "vertex-key", {"delivery": "inline"}),
    ],
)
def test_omni_works_in_the_background(
    name: str, path: str, key: str, delivery: dict[str, str], make: Make, google: FakeGoogle
) -> None:
    request = ask(name, resolution="1080p", aspect_ratio="9:16")

    make(name).start(request)

    call = sent(google)
    assert (call["path"], call["key"]) == (path, key)
    assert call["body"] == {
        "model": request.model,
        "input": [{"type": "user_input", "content": [{"type": "text", "text": PROMPT}]}],
        "response_format": {
            "type": "video",
            "aspect_ratio": "9:16",
            "resolution": "1080p",
            "duration": "4s",
            **delivery,
        },
        "generation_config": {"video_config": {"task": "text_to_video"}},
        "background": True,
        "store": True,
    }


@pytest.mark.parametrize("name", OMNIS)
@pytest.mark.parametrize(
    ("pictures", "task", "data"),
    [
        ({"first_frame": picture(b"first")}, "image_to_video", ["Zmlyc3Q="]),
        (
            {"first_frame": picture(b"first"), "last_frame": picture(b"last")},
            "image_to_video",
            ["Zmlyc3Q=", "bGFzdA=="],
        ),
        ({"references": (picture(b"coat"), picture(b"hat"))}, "reference_to_video", ["Y29hdA==", "aGF0"]),
        ({"references": (picture(b"hat"), picture(b"coat"))}, "reference_to_video", ["aGF0", "Y29hdA=="]),
    ],
)
def test_omni_gets_the_role_of_each_image(
    name: str, make: Make, google: FakeGoogle, pictures: dict[str, Any], task: str, data: list[str]
) -> None:
    make(name).start(ask(name, **pictures))

    body = sent(google)["body"]
    images = [{"type": "image", "data": each, "mime_type": "image/jpeg"} for each in data]
    assert body["generation_config"] == {"video_config": {"task": task}}
    assert body["input"][0]["content"] == [*images, {"type": "text", "text": PROMPT}]


@pytest.mark.parametrize("name", OMNIS)
@pytest.mark.parametrize(
    ("references", "data", "tags", "names"),
    [
        ([b"hat"], ["aGF0"], "<IMAGE_REF_0>@Image2", "Image2"),
        (
            [b"hat", b"coat", b"bag"],
            ["aGF0", "Y29hdA==", "YmFn"],
            "<IMAGE_REF_0>@Image2 <IMAGE_REF_1>@Image3 <IMAGE_REF_2>@Image4",
            "Image2, Image3, Image4",
        ),
        ([b"coat", b"hat"], ["Y29hdA==", "aGF0"], "<IMAGE_REF_0>@Image2 <IMAGE_REF_1>@Image3", "Image2, Image3"),
    ],
)
def test_omni_gets_a_first_frame_and_references_in_their_order(
    name: str, make: Make, google: FakeGoogle, references: list[bytes], data: list[str], tags: str, names: str
) -> None:
    pictures = tuple(picture(each) for each in references)

    make(name).start(ask(name, first_frame=picture(b"first", "image/png"), references=pictures))

    body = sent(google)["body"]
    assert "generation_config" not in body
    assert body["input"][0]["content"] == [
        {"type": "image", "data": "Zmlyc3Q=", "mime_type": "image/png"},
        *({"type": "image", "data": each, "mime_type": "image/jpeg"} for each in data),
        {
            "type": "text",
            "text": f"[# Sources <FIRST_FRAME>@Image1] [# References {tags}] {PROMPT} "
            f"Use Image1 as the starting frame. Use {names} as references for the video generation.",
        },
    ]


@pytest.mark.parametrize("name", OMNIS)
@pytest.mark.parametrize(
    "pictures",
    [
        {},
        {"references": (picture(b"hat"),)},
        {"first_frame": picture(b"first"), "references": (picture(b"hat"),)},
    ],
)
def test_omni_refuses_a_last_frame_that_it_has_no_task_for(
    name: str, pictures: dict[str, Any], make: Make, google: FakeGoogle
) -> None:
    with pytest.raises(Refused) as refusal:
        make(name).start(ask(name, last_frame=picture(b"last"), **pictures))

    assert refusal.value.code == "provider_refused"
    assert google.account.calls == []


def test_omni_fetches_from_a_url_if_google_returns_one(make: Make, google: FakeGoogle, tmp_path: Path) -> None:
    google.account.omni_gives_urls = True
    adapter, request = make("google_omni"), ask("google_omni")
    operation = adapter.start(request)

    done = poll(adapter, operation.name, request)
    assert isinstance(done, Finished)
    adapter.fetch(done.result, request, tmp_path / "video.mp4")

    assert done.result.startswith(f"{google.url}/v1beta/files/")
    assert (tmp_path / "video.mp4").read_bytes() == google.account.video_of(google.account.works[operation.name])


@pytest.mark.parametrize("name", GOOGLES)
def test_environment_changes_neither_the_api_nor_the_client(
    name: str, make: Make, google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_GENAI_API_VERSION", "v0nonsense")
    monkeypatch.setenv("GOOGLE_GENAI_HTTP_CLIENT", "httpx2")
    google.script("poll", "flood")
    google.script("probe", "flood")
    adapter = make(name)

    operation = begin(adapter, name, google)
    with pytest.raises(Unreachable, match=f"more than {MAX_BYTES} bytes"):  # only our client counts them
        poll(adapter, operation.name, ask(name))
    with pytest.raises(Unreachable, match=f"more than {MAX_BYTES} bytes"):
        adapter.probe()

    version = "v1beta1" if name.endswith("vertex") else "v1beta"
    assert {call["path"].split("/")[1] for call in google.account.calls} == {version}


@pytest.mark.parametrize("fault", ["reset", "503", "429"])
@pytest.mark.parametrize("name", SUBMITTING)
def test_submit_is_one_post_with_the_other_client_in_the_environment(
    name: str, fault: str, make: Make, google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_GENAI_HTTP_CLIENT", "httpx2")
    google.script("submit", fault, times=99)

    with pytest.raises(ProviderError) as error:
        make(name).start(ask(name))

    assert failed(error) == (UNKNOWN if fault == "reset" else IN_DOUBT)
    assert len(google.calls("submit")) == 1


@pytest.mark.parametrize("name", OMNIS)
def test_work_that_its_client_must_continue_is_one_post(name: str, make: Make, google: FakeGoogle) -> None:
    """The SDK would continue it by itself, each time with a paid POST."""
    reply = {"id": "v1_stalled", "status": "requires_continuation", "continuation_token": "token"}
    google.script("submit", "reply", times=99, reply=reply)

    operation = make(name).start(ask(name))

    assert operation.name == "v1_stalled"
    assert len(google.calls("submit")) == 1
