"""Makes videos with Veo on Vertex AI, and sees to their end those that were begun with a key of the Gemini API."""

from collections.abc import Mapping
from pathlib import Path
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
from videos.providers.google_client import VENDOR_ERRORS, House
from videos.providers.google_failures import (
    MISSING_LOOKS,
    OPERATION_LOST,
    RESULT_LOST,
    look_failure,
    start_failure,
    verdict,
)
from videos.providers.google_names import require_own
from videos.providers.operation_names import require_path

FIRST_POLL_SECONDS = 11  # the shortest time that Google names; ai.google.dev/gemini-api/docs/video, read 2026-11


class Veo:
    """Veo with a key of the Gemini API, where it ended on 2026-10-22: operations in flight are polled and fetched."""

    start_is_free = False

    def __init__(self) -> None:
        self.house = House(is_vertex=False)

    def start(self, request: VideoSpec) -> Operation:
        """Refuse: Google has no such models any more, and the SDK sends no such request since 3.0."""
        raise Refused("Veo with a key of the Gemini API ended on 2026-10-22", code="model_unavailable")

    async def poll(self, operation: str, request: VideoSpec) -> Progress | Finished:
        """One poll, in a thread."""
        return await self.house.look(lambda: _poll(self.house.watcher(), operation, request.missing))

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
            seen = _poll(self.house.watcher(), result, MISSING_LOOKS, RESULT_LOST)
            if not isinstance(seen, Finished):
                raise Unreachable("the operation is at work again")

    def fetch(self, result: str, request: VideoSpec, destination: Path) -> None:
        """From the URL that Google gave, or out of the operation itself when that holds the film."""
        if "://" in result:
            self.house.save_file(result, destination, missing=request.missing)
        else:
            self.house.save_film(
                lambda client: _asked(client, result, request.missing, RESULT_LOST),
                destination,
                missing=request.missing,
            )


class VeoOnVertex(Veo):
    """Veo on Vertex AI, with a project or an express key."""

    def __init__(self) -> None:
        self.house = House(is_vertex=True, location=settings.VERTEX_LOCATION)

    def start(self, request: VideoSpec) -> Operation:
        """The paid call: sent once."""
        config = _config(request)
        source = types.GenerateVideosSource(prompt=request.prompt, image=_image(request.first_frame))
        client = self.house.submitter()
        try:
            operation = client.models.generate_videos(model=request.model, source=source, config=config)
        except VENDOR_ERRORS as exc:
            raise start_failure(exc, request) from exc
        if not operation.name:
            raise OutcomeUnknown("the reply names no operation")
        return Operation(name=operation.name, first_poll_seconds=FIRST_POLL_SECONDS)


def _config(request: VideoSpec) -> types.GenerateVideosConfig:
    options: dict[str, Any] = {
        "number_of_videos": 1,  # each one is paid
        "duration_seconds": request.duration_seconds,
        "resolution": request.resolution,
        "aspect_ratio": request.aspect_ratio,
        "generate_audio": request.generate_audio,
    }
    if settings.VERTEX_OUTPUT_GCS_URI:  # without it, the film comes inside the operation
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


def _poll(
    client: genai.Client, operation: str, missing: int, lost: Mapping[int, str] = OPERATION_LOST
) -> Progress | Finished:
    seen = _asked(client, operation, missing, lost)
    if not seen.done:
        return Progress()
    if seen.error:
        raise verdict(code=seen.error.get("code"), message=str(seen.error.get("message") or seen.error))
    made = seen.response or types.GenerateVideosResponse()
    video = next((item.video for item in made.generated_videos or [] if item.video), None)
    if video and video.uri:
        return Finished(video.uri)
    if video and video.video_bytes:  # inside the reply; ThinClient has taken it out
        return Finished(operation)
    if made.rai_media_filtered_reasons or made.rai_media_filtered_count:
        reasons = " ".join(made.rai_media_filtered_reasons or [])
        raise verdict(code="safety", message=f"filtered: {reasons or made.rai_media_filtered_count}")
    raise Refused("done, with neither a video nor an error", code="generation_failed")


def _asked(
    client: genai.Client, operation: str, missing: int, lost: Mapping[int, str]
) -> types.GenerateVideosOperation:
    """How the work of that name stands."""
    require_path(operation)  # the SDK writes it into the URL as it is
    try:
        seen = client.operations.get(types.GenerateVideosOperation.model_validate({"name": operation}))
    except VENDOR_ERRORS as exc:
        raise look_failure(exc, missing=missing, lost=lost) from exc
    if not (seen.name or seen.done):
        raise Unreachable("the reply is no operation")
    require_own(seen.name, asked=operation)
    return seen


def _image(image: Image | None) -> types.Image | None:
    return types.Image(image_bytes=image.data, mime_type=image.content_type) if image else None
