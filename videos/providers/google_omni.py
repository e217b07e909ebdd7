"""Generates videos with Gemini Omni through Google's Interactions API."""

import base64
from typing import Any

from django.conf import settings
from google import genai

# The SDK imports this half of itself on first use; a worker needs it before it forks.
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
from videos.providers.google_client import VENDOR_ERRORS, GoogleBackend
from videos.providers.google_failures import INTERACTION_LOST, describe, start_failure
from videos.providers.google_interactions import accepted, read
from videos.providers.google_provider import GoogleProvider
from videos.providers.operation_names import require_path

FIRST_POLL_SECONDS = 15  # a 360p draft takes that long; Google documents no minimum


class Omni(GoogleProvider):
    """Gemini Omni with a key of the Gemini API.

    `POST interactions` with `background` returns an id; `GET interactions/ID` returns the state and finally the video,
    as a URL or inline. Documented in ai.google.dev/gemini-api/docs/omni and …/background-execution; docs/providers.md
    has the requests.
    """

    lost = INTERACTION_LOST

    def __init__(self) -> None:
        self.backend = GoogleBackend(is_vertex=False)

    def start(self, request: VideoSpec) -> Operation:
        """Create the interaction: the paid call, sent once."""
        body = _request_body(request, self._delivery())
        client = self.backend.submit_client()
        try:
            response = _json(client.interactions.with_raw_response.create(**body))
        except VENDOR_ERRORS as exc:
            raise start_failure(exc, request) from exc
        return Operation(name=accepted(response), first_poll_seconds=FIRST_POLL_SECONDS)

    def get(self, client: genai.Client, name: str) -> Any:
        """Request the interaction as plain JSON (see google_interactions)."""
        return _json(client.interactions.with_raw_response.get(name))

    def cancel(self, operation: str) -> None:
        """`POST interactions/ID/cancel`, for interactions in the background (google-genai 3.6.1, read 2026-11)."""
        require_path(operation)
        try:
            _json(self.backend.poll_client().interactions.with_raw_response.cancel(operation))
        except VENDOR_ERRORS as exc:
            raise Unreachable(describe(exc)) from exc

    def name_in(self, response: Any) -> object:
        return response.get("id") if isinstance(response, dict) else None

    def state_in(self, response: Any, name: str) -> Progress | Finished:
        return read(response, interaction_id=name)

    def _delivery(self) -> dict[str, str]:
        return {"delivery": "uri"}


class OmniOnVertex(Omni):
    """Gemini Omni on Vertex AI, with a project or an express key: the same API at another host."""

    def __init__(self) -> None:
        self.backend = GoogleBackend(is_vertex=True, location=settings.VERTEX_OMNI_LOCATION)

    def _delivery(self) -> dict[str, str]:
        # Vertex rejects delivery by URI without a bucket
        if bucket := settings.VERTEX_OUTPUT_GCS_URI:
            return {"delivery": "uri", "gcs_uri": bucket}
        return {"delivery": "inline"}


def _request_body(request: VideoSpec, delivery: dict[str, str]) -> dict[str, Any]:
    """The request for the Interactions API. Omni cannot switch sound off, so the engine removes it."""
    frames = [image for image in (request.first_frame, request.last_frame) if image]
    if request.last_frame and not request.first_frame:
        raise Refused("Omni takes a last frame only together with a first frame")
    if request.last_frame and request.references:
        raise Refused("Omni takes no last frame together with references")
    body: dict[str, Any] = {
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
        "background": True,  # Google responds at once, with an id to poll
        "store": True,  # required by `background`
    }
    if not (frames and request.references):  # no task covers both; the prompt declares each image instead
        task = "image_to_video" if frames else "reference_to_video" if request.references else "text_to_video"
        body["generation_config"] = {"video_config": {"task": task}}
    return body


def _prompt(request: VideoSpec) -> str:
    """The prompt; with a first frame and references it declares the role of each image.

    See "Declaring sources and references" in ai.google.dev/gemini-api/docs/omni (read 2026-11): images count from 1,
    references from 0.
    """
    if not (request.first_frame and request.references):
        return request.prompt
    images = range(2, len(request.references) + 2)
    declared = " ".join(f"<IMAGE_REF_{number - 2}>@Image{number}" for number in images)
    return (
        f"[# Sources <FIRST_FRAME>@Image1] [# References {declared}] {request.prompt} "
        f"Use Image1 as the starting frame. Use {', '.join(f'Image{number}' for number in images)} as references for "
        "the video generation."
    )


def _image(image: Image) -> dict[str, Any]:
    return {"type": "image", "data": base64.b64encode(image.data).decode(), "mime_type": image.content_type}


def _json(response: Any) -> Any:
    return response.http_response.raise_for_status().json()
