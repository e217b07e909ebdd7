"""Generates videos with Veo on Vertex AI, and finishes videos that a key of the Gemini API started."""

from typing import Any

from django.conf import settings
from google import genai
from google.genai import types

from videos.providers.base import (
    Finished,
    Image,
    Operation,
    OutcomeUnknown,
    Progress,
    Refused,
    Unreachable,
    VideoSpec,
)
from videos.providers.google_client import VENDOR_ERRORS, GoogleBackend
from videos.providers.google_failures import start_failure, verdict
from videos.providers.google_provider import GoogleProvider

FIRST_POLL_SECONDS = 11  # the shortest time that Google names; ai.google.dev/gemini-api/docs/video, read 2026-11


class Veo(GoogleProvider):
    """Veo with a key of the Gemini API, which ended on 2026-10-22: operations in flight are still polled and fetched.

    `GET models/M/operations/ID` returns a long-running operation, and finally the URL of the file. Documented in
    ai.google.dev/gemini-api/docs/video; see docs/providers.md.
    """

    def __init__(self) -> None:
        self.backend = GoogleBackend(is_vertex=False)

    def start(self, request: VideoSpec) -> Operation:
        """Refuse: Google has removed these models, and the SDK sends no such request since 3.0."""
        raise Refused("Veo with a key of the Gemini API ended on 2026-10-22", code="model_unavailable")

    def get(self, client: genai.Client, name: str) -> types.GenerateVideosOperation:
        operation = client.operations.get(types.GenerateVideosOperation.model_validate({"name": name}))
        if not (operation.name or operation.done):
            raise Unreachable("the response is not an operation")
        return operation

    def name_in(self, response: types.GenerateVideosOperation) -> object:
        return response.name

    def state_in(self, response: types.GenerateVideosOperation, name: str) -> Progress | Finished:
        if not response.done:
            return Progress()
        if error := response.error:
            raise verdict(code=error.get("code"), message=str(error.get("message") or error))
        result = response.response or types.GenerateVideosResponse()
        video = next((item.video for item in result.generated_videos or [] if item.video), None)
        if video and video.uri:
            return Finished(video.uri)
        if video and video.video_bytes:  # the video was inside the response; BoundedClient has removed it
            return Finished(name)
        if result.rai_media_filtered_reasons or result.rai_media_filtered_count:
            reasons = " ".join(result.rai_media_filtered_reasons or [])
            raise verdict(code="safety", message=f"filtered: {reasons or result.rai_media_filtered_count}")
        raise Refused("done, with neither a video nor an error", code="generation_failed")


class VeoOnVertex(Veo):
    """Veo on Vertex AI, with a project or an express key.

    `predictLongRunning` starts an operation and `fetchPredictOperation` returns it, finally with the video: in the
    bucket VERTEX_OUTPUT_GCS_URI if set, else inline. Documented in docs.cloud.google.com/vertex-ai/generative-ai/docs/
    model-reference/veo-video-generation; see docs/providers.md.
    """

    def __init__(self) -> None:
        self.backend = GoogleBackend(is_vertex=True, location=settings.VERTEX_LOCATION)

    def start(self, request: VideoSpec) -> Operation:
        """Start the operation: the paid call, sent once."""
        config = _config(request)
        source = types.GenerateVideosSource(prompt=request.prompt, image=_image(request.first_frame))
        client = self.backend.submit_client()
        try:
            operation = client.models.generate_videos(model=request.model, source=source, config=config)
        except VENDOR_ERRORS as exc:
            raise start_failure(exc, request) from exc
        if not operation.name:
            raise OutcomeUnknown("the response names no operation")
        return Operation(name=operation.name, first_poll_seconds=FIRST_POLL_SECONDS)


def _config(request: VideoSpec) -> types.GenerateVideosConfig:
    options: dict[str, Any] = {
        "number_of_videos": 1,  # each one is paid
        "duration_seconds": request.duration_seconds,
        "resolution": request.resolution,
        "aspect_ratio": request.aspect_ratio,
        "generate_audio": request.generate_audio,
    }
    if settings.VERTEX_OUTPUT_GCS_URI:  # without a bucket, the operation contains the video
        options["output_gcs_uri"] = settings.VERTEX_OUTPUT_GCS_URI
    if request.last_frame:
        options["last_frame"] = _image(request.last_frame)
    if request.references:
        options["reference_images"] = [
            types.VideoGenerationReferenceImage(
                image=_image(image), reference_type=types.VideoGenerationReferenceType.ASSET
            )
            for image in request.references
        ]
    return types.GenerateVideosConfig(**options)


def _image(image: Image | None) -> types.Image | None:
    return types.Image(image_bytes=image.data, mime_type=image.content_type) if image else None
