"""Makes videos with Veo: with a key of the Gemini API, or on Vertex AI. The two differ in a few options."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from google.genai import types

from videos.providers.base import (
    Finished,
    Image,
    Operation,
    OutcomeUnknown,
    Progress,
    Refused,
    Request,
    Unreachable,
)
from videos.providers.google_client import VENDOR_ERRORS, House, asked
from videos.providers.google_failures import OPERATION_LOST, RESULT_LOST, look_failure, start_failure, verdict

FIRST_LOOK_SECONDS = 11  # the shortest time that Google names; ai.google.dev/gemini-api/docs/video, read 2026-11


class Veo:
    """Veo with a key of the Gemini API."""

    start_is_free = False

    def __init__(self) -> None:
        self.house = House(is_vertex=False)

    def start(self, request: Request) -> Operation:
        """The paid call: sent once."""
        config = self._config(request)
        source = types.GenerateVideosSource(prompt=request.prompt, image=_image(request.first_frame))
        client = self.house.submitter()
        try:
            operation = client.models.generate_videos(model=request.model, source=source, config=config)
        except VENDOR_ERRORS as exc:
            raise start_failure(exc) from exc
        if not operation.name:
            raise OutcomeUnknown("the reply names no operation")
        return Operation(name=operation.name, first_look_seconds=FIRST_LOOK_SECONDS)

    async def poll(self, operation: str, request: Request) -> Progress | Finished:
        """One look, in a thread."""
        return await self.house.look(lambda: self._see(operation, request.attempt))

    def probe(self) -> None:
        """Whether Google lets us in."""
        self.house.probe()

    def fetch(self, result: str, request: Request, destination: Path) -> None:
        """From the URL that Google gave, or out of the operation itself when that holds the film."""
        if "://" in result:
            self.house.save_file(result, destination, attempt=request.attempt)
        else:
            self.house.save_film(
                lambda client: _told(lambda name: asked(client, name), result, request.attempt, RESULT_LOST),
                destination,
            )

    def _config(self, request: Request) -> types.GenerateVideosConfig:
        options: dict[str, Any] = {
            "number_of_videos": 1,  # each one is paid
            "duration_seconds": request.duration_seconds,
            "resolution": request.resolution,
            "aspect_ratio": request.aspect_ratio,
        }
        if request.last_frame:
            options["last_frame"] = _image(request.last_frame)
        if request.references:
            options["reference_images"] = [
                types.VideoGenerationReferenceImage(
                    image=_image(image), reference_type=types.VideoGenerationReferenceType.ASSET
                )
                for image in request.references
            ]
        return types.GenerateVideosConfig(**options, **self._house_options(request))

    def _house_options(self, request: Request) -> dict[str, Any]:
        # Never generate_audio: the Gemini API refuses it, even false, and always makes sound.
        return {}

    def _see(self, operation: str, attempt: int) -> Progress | Finished:
        seen = _told(self.house.operation, operation, attempt, OPERATION_LOST)
        if not seen.done:
            return Progress()
        if seen.error:
            raise verdict(code=seen.error.get("code"), message=str(seen.error.get("message") or seen.error))
        made = seen.response or types.GenerateVideosResponse()
        video = next((item.video for item in made.generated_videos or [] if item.video), None)
        if video and video.uri:
            return Finished(video.uri)
        if video and video.video_bytes is not None:  # inside the reply; ThinClient has taken it out
            return Finished(operation)
        if made.rai_media_filtered_reasons or made.rai_media_filtered_count:
            reasons = " ".join(made.rai_media_filtered_reasons or [])
            raise verdict(code="safety", message=f"filtered: {reasons or made.rai_media_filtered_count}")
        raise Refused("done, with neither a video nor an error", code="generation_failed")


class VeoOnVertex(Veo):
    """Veo on Vertex AI, with a project or an express key."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House(is_vertex=True)

    def _house_options(self, request: Request) -> dict[str, Any]:
        options: dict[str, Any] = {"generate_audio": request.generate_audio}
        if settings.VERTEX_OUTPUT_GCS_URI:  # without it, the film comes inside the operation
            options["output_gcs_uri"] = settings.VERTEX_OUTPUT_GCS_URI
        return options


def _told(
    ask: Callable[[str], types.GenerateVideosOperation], operation: str, attempt: int, lost: Mapping[int, str]
) -> types.GenerateVideosOperation:
    try:
        seen = ask(operation)
    except VENDOR_ERRORS as exc:
        raise look_failure(exc, attempt=attempt, lost=lost) from exc
    if not (seen.name or seen.done):
        raise Unreachable("the reply is no operation")
    return seen


def _image(image: Image | None) -> types.Image | None:
    return types.Image(image_bytes=image.data, mime_type=image.content_type) if image else None
