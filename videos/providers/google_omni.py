"""Makes videos with Gemini Omni through the Interactions API, in the background: asked once, looked at until done."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google import genai

# The SDK imports this half of itself when it is first used; a worker is to have it before it forks.
from google.genai._gaos import google_genai as _  # noqa: F401 - see above

from videos.providers.base import (
    Finished,
    Image,
    Operation,
    Progress,
    Refused,
    Request,
)
from videos.providers.google_client import VENDOR_ERRORS, House
from videos.providers.google_failures import INTERACTION_LOST, RESULT_LOST, look_failure, start_failure
from videos.providers.google_interactions import accepted, read

FIRST_LOOK_SECONDS = 15  # a 360p draft takes that long; no source says more


class Omni:
    """Gemini Omni with a key of the Gemini API."""

    start_is_free = False

    def __init__(self) -> None:
        self.house = House(is_vertex=False)

    def start(self, request: Request) -> Operation:
        """The paid call: sent once."""
        order = _order(request)
        client = self.house.submitter()
        try:
            reply = _json(_interactions(client).create(**order))
        except VENDOR_ERRORS as exc:
            raise start_failure(exc) from exc
        return Operation(name=accepted(reply), first_look_seconds=FIRST_LOOK_SECONDS)

    async def poll(self, operation: str, request: Request) -> Progress | Finished:
        """One look, in a thread."""

        def work() -> Progress | Finished:
            reply = _look_at(self.house.watcher(), operation, request.attempt, INTERACTION_LOST)
            return read(reply, interaction_id=operation)

        return await self.house.look(work)

    def probe(self) -> None:
        """Whether Google lets us in."""
        self.house.probe()

    def fetch(self, result: str, request: Request, destination: Path) -> None:
        """From the URL that Google gave, or out of the interaction itself when that holds the film."""
        if "://" in result:
            self.house.save_file(result, destination, attempt=request.attempt)
        else:
            self.house.save_film(lambda client: _look_at(client, result, request.attempt, RESULT_LOST), destination)


def _order(request: Request) -> dict[str, Any]:
    """The request as the Interactions API takes it. Sound cannot be switched off; the engine removes it."""
    frames = [image for image in (request.first_frame, request.last_frame) if image]
    if request.last_frame and not request.first_frame:
        raise Refused("Omni takes a last frame only together with a first one")
    if frames and request.references:
        raise Refused("Omni has no task for frames and references together")
    task = "image_to_video" if frames else "reference_to_video" if request.references else "text_to_video"
    images = [_image(image) for image in (*frames, *request.references)]
    return {
        "model": request.model,
        "input": [*images, {"type": "text", "text": request.prompt}],  # first frame, last frame: by position
        "response_format": {
            "type": "video",
            "aspect_ratio": request.aspect_ratio,
            "resolution": request.resolution,
            "duration": f"{request.duration_seconds}s",
            "delivery": "uri",
        },
        "generation_config": {"video_config": {"task": task}},
        "background": True,  # replies at once, with an id that can be looked at
        "store": True,  # goes with it
    }


def _image(image: Image) -> dict[str, Any]:
    return {"type": "image", "data": base64.b64encode(image.data).decode(), "mime_type": image.content_type}


def _interactions(client: genai.Client) -> Any:
    """The client's Interactions half, with its retries off, and with replies as they came (google_interactions).

    It takes HttpRetryOptions(attempts=1) for one retry: of the statuses named there, so of every 429, 503 and 500 by
    default (google-genai 2.34.0, _gaos/google_genai.py and _gaos/utils/retries.py, read and measured 2026-11).
    """
    interactions = client.interactions
    interactions.sdk_configuration.retry_config = None
    return interactions.with_raw_response


def _json(reply: Any) -> Any:
    return reply.http_response.raise_for_status().json()


def _look_at(client: genai.Client, interaction_id: str, attempt: int, lost: Mapping[int, str]) -> Any:
    try:
        return _json(_interactions(client).get(interaction_id))
    except VENDOR_ERRORS as exc:
        raise look_failure(exc, attempt=attempt, lost=lost) from exc
