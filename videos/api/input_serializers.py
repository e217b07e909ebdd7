"""Serializers of what clients send about video jobs."""

from typing import Any
from uuid import UUID

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from studio.api.fields import Choice, ItemList, PictureField, StrictBoolean, Text, WholeNumber
from studio.api.input_serializers import Input, PageQuery, QueryInput
from studio.errors import must_be_one_of
from studio.media.images import FORMATS, listed
from videos import catalogue
from videos.phases import Status

WAIT_MAX = 60  # seconds that a client may ask to wait; docs/api.md
PROMPT_MAX = 4000  # characters; docs/api.md
_KINDS = f"{listed(FORMATS)}, at most {settings.IMAGE_MAX_BYTES // settings.MIB} MiB."


@extend_schema_field(OpenApiTypes.UUID)
class LookId(Text):
    """The id of a look, in lower case. Text that is no id passes: creation refuses it, in the documented order."""

    def to_internal_value(self, data: Any) -> str:
        look_id = super().to_internal_value(data)
        try:
            return str(UUID(look_id))
        except ValueError:
            return look_id


@extend_schema_field({"type": "string", "example": "A red dress in the wind"})
class Prompt(Text):
    """The prompt."""


class VideoJobInput(Input):
    """The fields of a new video job, as JSON or urlencoded.

    Unknown names are refused, output fields such as `tokensCharged` among them: the caller pays for what these fields
    ask for, so none may be ignored.
    """

    in_query = ("lookId",)

    mockMode = StrictBoolean(
        source="mock_mode",
        help_text="true: the server itself generates a test video, for the same price. false: a provider generates it.",
    )
    prompt = Prompt(
        default="",
        max_length=PROMPT_MAX,
        allow_blank=True,
        help_text="What the video shows. In mock mode, markers such as `[mock:fail]` select the outcome.",
    )
    model = Text(
        default=catalogue.DEFAULT_MODEL, max_length=100, help_text="The `name` of one of `GET /api/v1/video-models`."
    )
    resolution = Choice(
        choices=catalogue.RESOLUTIONS,
        default=catalogue.RESOLUTIONS[0],
        help_text="The height of a landscape video. Some models do not support 1080p in every length.",
    )
    aspectRatio = Choice(
        source="aspect_ratio",
        choices=catalogue.ASPECT_RATIOS,
        default=catalogue.ASPECT_RATIOS[0],
        help_text="Landscape or portrait.",
    )
    durationSeconds = Choice(
        source="duration_seconds",
        choices=catalogue.DURATIONS_SECONDS,
        default=catalogue.DURATIONS_SECONDS[0],
        help_text="The length of the video, in seconds.",
    )
    generateAudio = StrictBoolean(source="generate_audio", default=False, help_text="true: the video has sound.")
    lookId = LookId(
        source="look_id",
        default="",
        allow_blank=True,
        help_text="One of your looks, to link the video to. Also accepted as `?look_id=`.",
    )
    useLookImage = StrictBoolean(
        source="use_look_image",
        default=True,
        help_text="With `lookId` and without `initialImage`, the look's image is the first frame.",
    )

    def validate_model(self, value: str) -> str:
        """Older clients put `models/` before the name."""
        return value.removeprefix("models/")


@extend_schema_field(
    {
        "type": "array",
        "items": {"type": "string", "format": "binary"},
        "maxItems": catalogue.MAX_REFERENCES,
        "example": [],
    }
)
class PictureList(ItemList):
    """Pictures under one name. Empty parts are ignored: HTML forms send one for a field that is not filled in."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=PictureField(), required=False, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value([item for item in data if item != ""])


@extend_schema_serializer(component_name="VideoJob")
class VideoJobForm(VideoJobInput):
    """A video job to create, with its pictures."""

    initialImage = PictureField(source="initial_image", required=False, help_text=f"The first frame. {_KINDS}")
    endFrame = PictureField(
        source="end_frame", required=False, help_text=f"The last frame, with `initialImage` only. {_KINDS}"
    )
    referenceImages = PictureList(
        source="reference_images",
        max_length=catalogue.MAX_REFERENCES,
        help_text=f"Up to {catalogue.MAX_REFERENCES} pictures of what the video should show. {_KINDS}",
    )


class DetailQuery(QueryInput):
    """The query string of one job."""

    wait = WholeNumber(
        required=False,
        least=0,
        most=WAIT_MAX,
        help_text=(
            "Up to so many seconds to wait for a change, where the live process serves the request; from another one "
            "the response comes at once, and `Retry-After` says when to ask again."
        ),
    )


class DownloadQuery(QueryInput):
    """The query string of a download."""

    redirect = StrictBoolean(default=False, help_text="true: respond with 302 to the storage's own URL.")


@extend_schema_field({"type": "array", "items": {"$ref": "#/components/schemas/VideoStatus"}, "minItems": 1})
class Statuses(ItemList):
    """Statuses in any case, repeated or comma separated."""

    def to_internal_value(self, data: Any) -> list[Status]:
        """Return each status once, in the order of a job's life. Raises ValidationError for other words."""
        words = [word.strip().upper() for text in data for word in text.split(",") if word.strip()]
        if not words or set(words) - set(Status.values):
            one_of, sent = must_be_one_of(Status.values, ",".join(data))
            raise serializers.ValidationError([one_of.replace("one of", "one or more of"), sent])
        return [status for status in Status if status in words]


class ListQuery(PageQuery):
    """The filters of the list."""

    status = Statuses(
        required=False, source="statuses", help_text="Only jobs of these statuses. Repeat it, or separate with commas."
    )
    mockMode = StrictBoolean(
        required=False, source="mock_mode", help_text="true: only jobs in mock mode. false: only the others."
    )
    lookId = serializers.UUIDField(
        required=False, source="look_id", help_text="Only jobs that were made for this look."
    )
    before = serializers.UUIDField(
        required=False,
        help_text=(
            "The id of the last job of the page before: the page follows it, without repeats while jobs arrive. "
            "Not together with `skip`."
        ),
    )
    all = StrictBoolean(default=False, help_text="Admins only: the jobs of all accounts.")
