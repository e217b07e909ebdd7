"""Makes videos with Gemini Omni through the Interactions API, in the background: asked once, polled until done."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from google import genai

# The SDK imports this half of itself when it is first used; a worker is to have it before it forks.
from google.genai._gaos import google_genai as _  # noqa: F401 - see above

from videos.providers.base import (
    Finished,
    Image,
    Operation,
    Progress,
    Refused,
    Unreachable,
    VideoSpec,
)
from videos.providers.google_client import VENDOR_ERRORS, House
from videos.providers.google_failures import (
    INTERACTION_LOST,
    MISSING_LOOKS,
    RESULT_LOST,
    look_failure,
    start_failure,
)
from videos.providers.google_interactions import accepted, read
from videos.providers.google_names import require_own
from videos.providers.operation_names import require_path

FIRST_POLL_SECONDS = 15  # a 360p draft takes that long; no source says more


class Omni:
    """Gemini Omni with a key of the Gemini API."""

    start_is_free = False

    def __init__(self) -> None:
        self.house = House(is_vertex=False)

    def start(self, request: VideoSpec) -> Operation:
        """The paid call: sent once."""
        order = _order(request, self._delivery())
        client = self.house.submitter()
        try:
            reply = _json(client.interactions.with_raw_response.create(**order))
        except VENDOR_ERRORS as exc:
            raise start_failure(exc, request) from exc
        return Operation(name=accepted(reply), first_poll_seconds=FIRST_POLL_SECONDS)

    async def poll(self, operation: str, request: VideoSpec) -> Progress | Finished:
        """One poll, in a thread."""

        def work() -> Progress | Finished:
            reply = _asked(self.house.watcher(), operation, request.missing, INTERACTION_LOST)
            return read(reply, interaction_id=operation)

        return await self.house.look(work)

    def probe(self) -> None:
        """Whether Google lets us in."""
        self.house.probe()

    def has_model(self, name: str) -> bool:
        """Whether Google has the model."""
        return self.house.has_model(name)

    def check_file(self, result: str, request: VideoSpec) -> None:
        """At the URL that Google gave, or in the reply that holds the film."""
        if "://" in result:
            self.house.check_file(result)
        else:
            seen = read(_asked(self.house.watcher(), result, MISSING_LOOKS, RESULT_LOST), interaction_id=result)
            if not isinstance(seen, Finished):
                raise Unreachable("the interaction is at work again")

    def fetch(self, result: str, request: VideoSpec, destination: Path) -> None:
        """From the URL that Google gave, or out of the interaction itself when that holds the film."""
        if "://" in result:
            self.house.save_file(result, destination, missing=request.missing)
        else:
            self.house.save_film(
                lambda client: _own(_asked(client, result, request.missing, RESULT_LOST), result),
                destination,
                missing=request.missing,
            )

    def _delivery(self) -> dict[str, str]:
        return {"delivery": "uri"}


class OmniOnVertex(Omni):
    """Gemini Omni on Vertex AI, with a project or an express key."""

    def __init__(self) -> None:
        self.house = House(is_vertex=True, location=settings.VERTEX_OMNI_LOCATION)

    def _delivery(self) -> dict[str, str]:
        # a URI is refused without a bucket
        if bucket := settings.VERTEX_OUTPUT_GCS_URI:
            return {"delivery": "uri", "gcs_uri": bucket}
        return {"delivery": "inline"}


def _order(request: VideoSpec, delivery: dict[str, str]) -> dict[str, Any]:
    """The request as the Interactions API takes it. Sound cannot be switched off; the engine removes it."""
    frames = [image for image in (request.first_frame, request.last_frame) if image]
    if request.last_frame and not request.first_frame:
        raise Refused("Omni takes a last frame only together with a first one")
    if request.last_frame and request.references:
        raise Refused("Omni takes no last frame together with references")
    order: dict[str, Any] = {
        "model": request.model,
        # first frame, last frame, references: by position
        "input": [*map(_image, (*frames, *request.references)), {"type": "text", "text": _prompt(request)}],
        "response_format": {
            "type": "video",
            "aspect_ratio": request.aspect_ratio,
            "resolution": request.resolution,
            "duration": f"{request.duration_seconds}s",
            **delivery,
        },
        "background": True,  # replies at once, with an id that can be polled
        "store": True,  # goes with it
    }
    if not (frames and request.references):  # for both there is no task; the prompt says what each picture is
        task = "image_to_video" if frames else "reference_to_video" if request.references else "text_to_video"
        order["generation_config"] = {"video_config": {"task": task}}
    return order


def _prompt(request: VideoSpec) -> str:
    """The prompt, with the parts of the pictures declared where a first frame comes with references.

    As "Declaring sources and references" in ai.google.dev/gemini-api/docs/omni has it (read 2026-11): pictures count
    from 1, references from 0.
    """
    if not (request.first_frame and request.references):
        return request.prompt
    pictures = range(2, len(request.references) + 2)
    declared = " ".join(f"<IMAGE_REF_{number - 2}>@Image{number}" for number in pictures)
    return (
        f"[# Sources <FIRST_FRAME>@Image1] [# References {declared}] {request.prompt} "
        f"Use Image1 as the starting frame. Use {', '.join(f'Image{number}' for number in pictures)} as references for "
        "the video generation."
    )


def _image(image: Image) -> dict[str, Any]:
    return {"type": "image", "data": base64.b64encode(image.data).decode(), "mime_type": image.content_type}


def _json(reply: Any) -> Any:
    return reply.http_response.raise_for_status().json()


def _own(reply: Any, interaction_id: str) -> None:
    """Raise Unreachable where the film in the reply is of another interaction."""
    require_own(reply.get("id") if isinstance(reply, dict) else None, asked=interaction_id)


def _asked(client: genai.Client, interaction_id: str, missing: int, lost: Mapping[int, str]) -> Any:
    """The interaction of that name, as it came (see google_interactions)."""
    require_path(interaction_id)  # the SDK writes it into the URL as it is
    try:
        return _json(client.interactions.with_raw_response.get(interaction_id))
    except VENDOR_ERRORS as exc:
        raise look_failure(exc, missing=missing, lost=lost) from exc
