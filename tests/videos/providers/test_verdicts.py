"""Google's messages: submits refused for their content or model, and the ends of operations."""

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.google import FakeGoogle
from tests.videos.providers.conftest import GOOGLES, MODELS, SUBMITTING, Make, ask, begin, poll
from tests.videos.providers.outcomes import (
    AGAIN,
    FAILED,
    FILTERED,
    FREE,
    GONE,
    REFUSED,
    RETIRED,
    UNKNOWN,
    Outcome,
    failed,
)
from videos.providers.base import Finished, ProviderError
from videos.providers.google_failures import MISSING_POLLS

OMNIS = [name for name in GOOGLES if name.startswith("google_omni")]
VEOS = [name for name in GOOGLES if name not in OMNIS]
AUDIO = "We encountered an issue with the audio for your prompt. You have not been charged for this attempt."


@pytest.mark.parametrize("status", ["400", "404"])
@pytest.mark.parametrize(
    "message",
    [
        "Model {model} not found.",
        "Model not found: {model}",
        "Unknown model: {model}",
        "The model `{model}` does not exist",
        "models/{model} is not found for API version v1beta, or is not supported for predictLongRunning.",
        "Publisher Model `projects/p/locations/global/publishers/google/models/{model}` was not found.",
        "This model models/{model} is no longer available to new users. Please use a newer model.",
        "{title} is no longer available.",
        "The model `{model}` has been shut down.",
    ],
)
@pytest.mark.parametrize("name", SUBMITTING)
def test_missing_model_is_recognised(name: str, message: str, status: str, make: Make, google: FakeGoogle) -> None:
    model = MODELS[name]
    google.script("submit", status, message=message.format(model=model, title=model.replace("-", " ").title()))

    assert submitted(make(name), name) == RETIRED
    assert len(google.calls("submit")) == 1


PROMPT = "Three {model} models in a dress; {model} is no longer available, model not found: {model}"


@pytest.mark.parametrize(
    "message",
    [
        "The model's input is incomplete: image-1.png not found.",
        "Reference image for the model was not found",
        "personGeneration is no longer available for this model.",
        "The model parameter negative_prompt is deprecated.",
        "The Gemini API option enhancePrompt is no longer available.",
        "Model another-1.0 not found.",
        # the prompt comes back
        'Invalid prompt: "{prompt}". Field input is too long.',
        "Invalid prompt: {prompt}",
        "Invalid prompt: {prompt:.60}…",
        "Invalid prompt: “{model} is no longer available”",
    ],
)
@pytest.mark.parametrize("name", SUBMITTING)
def test_something_else_that_is_gone_is_no_model(name: str, message: str, make: Make, google: FakeGoogle) -> None:
    prompt = PROMPT.format(model=MODELS[name])
    google.script("submit", "400", message=message.format(model=MODELS[name], prompt=prompt))

    assert submitted(make(name), name, prompt=prompt) == REFUSED


@pytest.mark.parametrize("reason", ["prohibited_content", "SAFETY", "https://ai.google.dev/errors/content_blocked"])
@pytest.mark.parametrize("name", SUBMITTING)
def test_submit_can_be_refused_for_its_content(name: str, reason: str, make: Make, google: FakeGoogle) -> None:
    google.script("submit", "400", reason=reason)
    google.script("submit", "400", message="Your prompt was blocked due to safety concerns")

    assert [submitted(make(name), name) for _ in range(2)] == [FILTERED, FILTERED]


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ({"error": {"code": "content_blocked", "message": "No."}}, FILTERED),
        ({"error": {"code": "https://ai.google.dev/errors/safety", "message": "No."}}, FILTERED),
        ({"error": {"code": "api_error", "message": "It was blocked due to safety concerns."}}, FILTERED),
        ({"error": {"code": "api_error", "message": "Internal error."}}, UNKNOWN),
        ({"status": "in_progress"}, UNKNOWN),
        ([], UNKNOWN),
    ],
)
@pytest.mark.parametrize("name", OMNIS)
def test_response_without_an_interaction_is_classified(
    name: str, reply: Any, outcome: Outcome, make: Make, google: FakeGoogle
) -> None:
    google.script("submit", "reply", reply=reply)

    assert submitted(make(name), name) == outcome
    assert len(google.calls("submit")) == 1


@pytest.mark.parametrize("name", OMNIS)
def test_interaction_that_has_failed_at_once_is_polled(name: str, make: Make, google: FakeGoogle) -> None:
    google.script("submit", "reply", reply={"id": "v1_1", "status": "failed", "error": {"code": "api_error"}})

    assert make(name).start(ask(name)).name == "v1_1"


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        ({"fault": "error", "code": 13, "message": AUDIO}, FREE),
        ({"fault": "filtered", "message": AUDIO}, FREE),  # as seen from the Gemini API
        ({"fault": "filtered", "message": "We encountered an issue with the audio. Support codes: 1"}, FILTERED),
        ({"fault": "nothing"}, FAILED),
    ],
)
@pytest.mark.parametrize("name", VEOS)
def test_operation_that_was_not_charged_is_recognised(
    name: str, end: dict[str, Any], outcome: Outcome, make: Make, google: FakeGoogle
) -> None:
    google.script("work", **end)
    adapter = make(name)
    operation = begin(adapter, name, google)

    with pytest.raises(ProviderError) as error:
        poll(adapter, operation.name, ask(name))

    assert failed(error) == outcome


@pytest.mark.parametrize("name", VEOS)
def test_operation_that_is_refused_for_long_has_failed(name: str, make: Make, google: FakeGoogle) -> None:
    adapter = make(name)
    operation = begin(adapter, name, google)
    google.script("poll", "400")

    with pytest.raises(ProviderError) as error:
        poll(adapter, operation.name, ask(name, missing=MISSING_POLLS))

    assert failed(error) == FAILED


@pytest.mark.parametrize("name", [name for name in GOOGLES if name != "google_veo"])  # which gives URLs
def test_finished_work_that_is_gone_has_lost_its_file(
    name: str, make: Make, google: FakeGoogle, tmp_path: Path
) -> None:
    adapter = make(name)
    operation = begin(adapter, name, google)
    done = poll(adapter, operation.name, ask(name))
    assert done == Finished(operation.name)
    google.script("poll", "404", message="Not found", times=2)
    outcomes = []

    for attempt in (MISSING_POLLS - 1, MISSING_POLLS):
        with pytest.raises(ProviderError) as error:
            adapter.fetch(done.result, ask(name, missing=attempt), tmp_path / "video.mp4")
        outcomes.append(failed(error))

    assert outcomes == [AGAIN, GONE]


def submitted(adapter: Any, name: str, **changes: Any) -> Outcome:
    """How the submit fails."""
    with pytest.raises(ProviderError) as error:
        adapter.start(ask(name, **changes))
    return failed(error)
