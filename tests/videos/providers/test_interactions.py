"""The meaning of each response of the Interactions API; no paid video is thrown away."""

from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from tests.fakes.google import FakeGoogle
from tests.fakes.google_interactions import VIDEO
from tests.videos.providers.conftest import GOOGLES, Make, ask, poll
from tests.videos.providers.outcomes import (
    AGAIN,
    FAILED,
    FILTERED,
    FREE,
    LOST,
    NOT_HERE,
    STALLED,
    UNREADABLE,
    Outcome,
    failed,
)
from videos.providers.base import Finished, Progress, ProviderError
from videos.providers.google_failures import MISSING_POLLS
from videos.providers.google_interactions import STAFF_LENGTH

OMNIS = [name for name in GOOGLES if name.startswith("google_omni")]
AUDIO = "We encountered an issue with the audio for your prompt. You have not been charged for this attempt."
CALM = "I have thought about it."


def output(*contents: Any) -> dict[str, Any]:
    return {"type": "model_output", "content": list(contents)}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def used(*, total: int, **by_modality: int) -> dict[str, Any]:
    counts = [{"modality": modality, "tokens": tokens} for modality, tokens in by_modality.items()]
    return {"total_output_tokens": total, "output_tokens_by_modality": counts}


def error(code: Any, message: str = "by script", status: str = "failed") -> dict[str, Any]:
    return {"status": status, "errors": [{"code": code, "message": message}]}


WITH_VIDEO: dict[str, dict[str, Any]] = {
    **{
        status: {"status": status, "steps": [output(VIDEO)]}
        for status in ("completed", "incomplete", "cancelled", "budget_exceeded", "requires_action")
    },
    "requires_continuation": {"status": "requires_continuation", "steps": [output(VIDEO)]},
    "a word we do not know": {"status": "COMPLETED", "steps": [output(VIDEO)]},
    "failed, with an error": error("api_error") | {"steps": [output(VIDEO)]},
    "among words": {"status": "completed", "steps": [output(text("Here:"), VIDEO, text("Enjoy!")), output(text("."))]},
    "before what we sent": {"status": "completed", "steps": [output(VIDEO), {"type": "user_input", "content": []}]},
    "in a step we do not know": {"status": "completed", "steps": [{"type": "render", "content": [VIDEO]}]},
    "beside the steps": {"status": "completed", "output_video": VIDEO},
}

ENDS: dict[str, tuple[dict[str, Any], Outcome]] = {
    "to be continued": ({"status": "requires_continuation", "continuation_token": "x"}, STALLED),
    "a video that we do not find": (
        {"status": "completed", "steps": [output({"type": "clip"})], "usage": used(total=23168, video=23168)},
        UNREADABLE,
    ),
    "the same beside words": (
        {"status": "completed", "steps": [output(text("Done."))], "usage": used(total=7, text=5, VIDEO=2)},
        UNREADABLE,
    ),
    "the same, with a fault noted": (
        error("api_error", status="completed") | {"usage": used(total=9, video=9)},
        UNREADABLE,
    ),
    "the same, incomplete": ({"status": "incomplete", "usage": used(total=9, video=9)}, UNREADABLE),
    "a video of no bytes": (
        {
            "status": "completed",
            "steps": [output({"type": "video", "mime_type": "video/mp4", "data": ""})],
            "usage": used(total=9, video=9),
        },
        UNREADABLE,
    ),
    "a video that is nowhere": (
        {"status": "completed", "steps": [output({"type": "video", "uri": "", "data": None})]},
        UNREADABLE,
    ),
    "done, but nothing known": ({"status": "completed"}, UNREADABLE),
    "words alone": ({"status": "completed", "steps": [output(text(CALM))], "usage": used(total=5, text=5)}, FILTERED),
    "words alone, without figures": ({"status": "completed", "steps": [output(text(CALM))]}, FILTERED),
    "harmful": (error("api_error", "Blocked: safety violations (harmful content)."), FILTERED),
    "concerns": (error("api_error", "The request was blocked due to safety concerns."), FILTERED),
    "policies": (error("api_error", "The result may violate our policies."), FILTERED),
    "policies, in words": ({"status": "failed", "steps": [output(text("It may violate our policies."))]}, FILTERED),
    "a URI": (error("https://ai.google.dev/errors/prohibited_content"), FILTERED),
    "a URI of a type": (error("type.googleapis.com/google.ai#image_safety"), FILTERED),
    "nothing but an error": ({"status": None, "error": {"code": "content_blocked", "message": "No."}}, FILTERED),
    "a step's error": (
        {"status": "failed", "steps": [{"type": "model_output", "error": {"code": 8, "message": "no quota"}}]},
        (*FAILED[:1], "provider_quota"),
    ),
    "not in this region": ({"status": "completed", "steps": [], "usage": used(total=0)}, NOT_HERE),
    "an echo alone": (
        {
            "status": "completed",
            "steps": [{"type": "user_input", "content": [VIDEO]}],
            "usage": used(total=0),
        },
        NOT_HERE,
    ),
    "thoughts alone": ({"status": "completed", "steps": [{"type": "thought"}], "usage": used(total=0)}, FAILED),
    "the audio": (error("api_error", AUDIO), FREE),
    "nothing but the audio": ({"status": None, "error": {"code": "api_error", "message": AUDIO}}, FREE),
    "the audio, in words": ({"status": "completed", "steps": [output(text(AUDIO))]}, FREE),
    "failed": (error("api_error", "Internal error."), FAILED),
    "failed, without a reason": ({"status": "failed"}, FAILED),
    "cancelled": ({"status": "cancelled"}, FAILED),
    "an action of ours": ({"status": "requires_action", "steps": [{"type": "function_call"}]}, FAILED),
    "a budget": ({"status": "budget_exceeded"}, FAILED),
    "an error alone that may pass": ({"status": None, "error": {"code": "api_error", "message": "Internal."}}, AGAIN),
    "errors in words": ({"status": "failed", "errors": ["It was blocked due to safety concerns."]}, FILTERED),
    "other shapes": ({"status": "failed", "errors": {}, "steps": {"a": 1}, "usage": [], "error": []}, FAILED),
}


@pytest.mark.parametrize("by_url", [True, False])
@pytest.mark.parametrize("case", WITH_VIDEO)
@pytest.mark.parametrize("name", OMNIS)
def test_video_counts_whatever_the_status(
    name: str, case: str, by_url: bool, make: Make, google: FakeGoogle, settings: Settings, tmp_path: Path
) -> None:
    google.account.omni_gives_urls = by_url
    settings.VERTEX_OUTPUT_GCS_URI = "gs://videos" if by_url else ""  # Vertex gives none without a bucket
    google.script("work", "reply", reply=WITH_VIDEO[case])
    adapter, request = make(name), ask(name)
    operation = adapter.start(request)

    done = poll(adapter, operation.name, request)
    assert isinstance(done, Finished)
    adapter.fetch(done.result, request, tmp_path / "video.mp4")

    assert ("://" in done.result, done.result == operation.name) == (by_url, not by_url)
    assert (tmp_path / "video.mp4").read_bytes() == google.account.video


@pytest.mark.parametrize("case", ENDS)
@pytest.mark.parametrize("name", OMNIS)
def test_end_without_a_video_is_classified(name: str, case: str, make: Make, google: FakeGoogle) -> None:
    reply, outcome = ENDS[case]
    google.script("work", "reply", reply=reply)
    adapter = make(name)
    operation = adapter.start(ask(name))

    with pytest.raises(ProviderError) as raised:
        poll(adapter, operation.name, ask(name))

    assert failed(raised) == outcome
    assert len(google.calls("submit")) == 1


@pytest.mark.parametrize(
    ("status", "note"),
    [("queued", ""), ("in_progress", "")]
    + [(word, f"status {word}") for word in ("idle", "processing", "COMPLETED", ["idle"])],
)
@pytest.mark.parametrize("name", OMNIS)
def test_work_runs_until_its_end(name: str, status: Any, note: str, make: Make, google: FakeGoogle) -> None:
    adapter = make(name)
    operation = adapter.start(ask(name))
    google.script("poll", "reply", times=3, reply={"id": operation.name, "status": status})

    seen = [poll(adapter, operation.name, ask(name)) for _ in range(4)]

    assert seen[:3] == [Progress(note=note)] * 3
    assert isinstance(seen[3], Finished)


@pytest.mark.parametrize("name", OMNIS)
def test_video_of_a_running_interaction_is_ignored(name: str, make: Make, google: FakeGoogle) -> None:
    google.script("work", "reply", reply={"status": "in_progress", "steps": [output(VIDEO)]})
    adapter = make(name)
    operation = adapter.start(ask(name))

    assert poll(adapter, operation.name, ask(name)) == Progress()


@pytest.mark.parametrize("reply", [[], None, "in_progress", {"id": "v1_1"}, {"status": None, "error": "Internal."}])
def test_response_of_another_shape_is_not_final(reply: Any, make: Make, google: FakeGoogle) -> None:
    adapter = make("google_omni")
    operation = adapter.start(ask("google_omni"))
    google.script("poll", "reply", reply=reply)

    with pytest.raises(ProviderError) as raised:
        poll(adapter, operation.name, ask("google_omni"))

    assert failed(raised) == AGAIN
    assert isinstance(poll(adapter, operation.name, ask("google_omni")), Finished)


@pytest.mark.parametrize("name", OMNIS)
def test_staff_get_an_unreadable_response(name: str, make: Make, google: FakeGoogle, settings: Settings) -> None:
    place = {"type": "clip", "place": {"uri": "https://a.b/video?sig=abc", "key": "gemini-key"}, "more": "word " * 800}
    steps = [{"type": "thought", "signature": "c2ln" * 500}, {"type": "user_input", "content": [text("A red dress")]}]
    usage = used(total=23168, video=23168)
    google.script("work", "reply", reply={"status": "completed", "usage": usage, "steps": [*steps, output(place)]})
    adapter = make(name)
    operation = adapter.start(ask(name))

    with pytest.raises(ProviderError) as raised:
        poll(adapter, operation.name, ask(name))

    message = str(raised.value)
    assert failed(raised) == UNREADABLE
    assert message.startswith("completed, billed, but no video found: {")
    assert '{"type": "thought", "signature": "…"}' in message
    assert '"place": {"uri": "https://a.b/video?[query]", "key": "[hidden]"}, "more": "word word' in message
    assert message.endswith('word "}]}]}')
    assert "red dress" not in message
    assert 4000 < len(message) < STAFF_LENGTH


@pytest.mark.parametrize("name", OMNIS)
def test_polls_refused_for_long_are_not_final(name: str, make: Make, google: FakeGoogle) -> None:
    adapter = make(name)
    operation = adapter.start(ask(name))
    google.script("poll", "400", reason="invalid_request", times=15)
    outcomes = []

    for attempt in range(15):
        with pytest.raises(ProviderError) as raised:
            poll(adapter, operation.name, ask(name, missing=attempt))
        outcomes.append(failed(raised))

    assert outcomes == [AGAIN] * 15
    assert isinstance(poll(adapter, operation.name, ask(name, missing=15)), Finished)


@pytest.mark.parametrize("name", OMNIS)
def test_invalid_name_of_an_interaction_is_final(name: str, make: Make, google: FakeGoogle) -> None:
    google.script("poll", "400", reason="invalid_request", message="Invalid interaction name: v1_x")

    with pytest.raises(ProviderError) as raised:
        poll(make(name), "v1_x", ask(name))

    assert failed(raised) == LOST


@pytest.mark.parametrize("name", OMNIS)
def test_missing_interaction_is_lost(name: str, make: Make, google: FakeGoogle) -> None:
    adapter = make(name)
    operation = adapter.start(ask(name))
    google.script("poll", "404", message="Interaction not found", times=99)
    outcomes = []

    for attempt in range(MISSING_POLLS + 1):
        with pytest.raises(ProviderError) as raised:
            poll(adapter, operation.name, ask(name, missing=attempt))
        outcomes.append(failed(raised))

    assert outcomes == [AGAIN] * MISSING_POLLS + [LOST]
    assert len(google.calls("submit")) == 1
