"""The models that this deployment offers, by the public names that clients use, and who makes their videos."""

from dataclasses import dataclass

from studio.errors import Unavailable

DEFAULT_MODEL = "veo-3.1-generate-preview"
MODELS = (DEFAULT_MODEL, "veo-3.1-fast-generate-preview", "veo-3.1-lite-generate-preview")

RESOLUTIONS = ("720p", "1080p")
ASPECT_RATIOS = ("16:9", "9:16")
DURATIONS_SECONDS = (8, 4)


@dataclass(frozen=True)
class Route:
    """Who makes a video, and what the model is called there."""

    provider: str
    upstream_model: str


def route(*, model: str, mock_mode: bool) -> Route:
    """Who makes a video of this model. Raises Unavailable when nobody does here."""
    if mock_mode:
        return Route("mock", model)
    raise Unavailable("Video generation is not set up on this server; use mockMode=true.", code="no_provider")
