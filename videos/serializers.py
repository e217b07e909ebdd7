"""Video jobs on the wire: what clients send, and what they get."""

from typing import Any
from uuid import UUID

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from studio import error_codes
from studio.errors import must_be_one_of
from studio.fields import (
    BlankAsNull,
    Choice,
    FromColumns,
    FromElsewhere,
    Instead,
    ItemList,
    PictureField,
    StoredFileUrl,
    StrictBoolean,
    Text,
    Timestamp,
)
from studio.inputs import Input, PageQuery, QueryInput
from videos import catalogue
from videos.failures import FAILURES, cost_of_attempt
from videos.models import JobLog, VideoJob, whole_seconds
from videos.phases import STATUS, Phase, Status

PROMPT_MAX = 4000  # characters; from the contract
_FAILURES = {code: failure.message for code, failure in FAILURES.items()}
_KINDS = f"PNG, JPEG or WebP, at most {settings.IMAGE_MAX_BYTES // settings.MIB} MiB."


@extend_schema_field(OpenApiTypes.UUID)
class LookId(Text):
    """The id of a look, in one spelling. One that is none is refused later, in the documented words and order."""

    def to_internal_value(self, data: Any) -> str:
        """Raises ValidationError for what is no text."""
        look_id = super().to_internal_value(data)
        try:
            return str(UUID(look_id))
        except ValueError:
            return look_id


class VideoJobInput(Input):
    """What a client asks for, as JSON or urlencoded.

    Nothing is ignored here, not even what a job shows (`tokensCharged`): every field of this body decides what is made
    for the tokens that are charged.
    """

    in_query = ("lookId",)

    mockMode = StrictBoolean(
        source="mock_mode",
        help_text="true: a generator on the server makes the video, for the same tokens. false: the provider does.",
    )
    prompt = Text(
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
        help_text="The height of a landscape video. Some models do not make 1080p of every length.",
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
    {"type": "array", "items": {"type": "string", "format": "binary"}, "maxItems": catalogue.MAX_REFERENCES}
)
class PictureList(ItemList):
    """Pictures under one name. An HTML form sends an empty part for a field that nobody has filled."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=PictureField(), required=False, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        """Without the empty parts."""
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


class AssociatedLook(serializers.Serializer[Any]):
    """A look that the video was made for."""

    id = serializers.UUIDField(help_text="The look's id.")
    title = serializers.CharField(help_text="The look's title.")
    generatedImageUrl = StoredFileUrl(help_text="The look's picture; null if it has none.")
    isDefault = serializers.BooleanField(help_text="true: this video is the look's default.")


class StatusOfPhase(serializers.ChoiceField):
    """The public word for a phase."""

    def to_representation(self, value: str) -> str:
        """Of the four."""
        return STATUS[Phase(value)].value


class Seconds(Instead, serializers.IntegerField):
    """How long the video is."""

    def to_representation(self, value: float) -> int:
        """In whole seconds."""
        return whole_seconds(value)


class AspectRatio(Instead, serializers.CharField):
    """The shape of the video."""


@extend_schema_field({"type": "string", "enum": list(FAILURES), "nullable": True})
class ErrorCode(BlankAsNull):
    """Why a job failed, as a code."""


class ErrorMessage(FromColumns, serializers.CharField):
    """Why a job failed, and what the attempt cost."""

    also = ("tokens_charged", "tokens_refunded")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)

    def combined(self, value: Any, *others: Any) -> str | None:
        """Two sentences, or None for a job that has not failed."""
        charged, refunded = others
        return " ".join(filter(None, (value, cost_of_attempt(charged=charged, refunded=refunded)))) if value else None


@extend_schema_serializer(component_name="JobLogLine")
class JobLogOutput(serializers.Serializer[JobLog]):
    """A line of a job's log."""

    timestamp = Timestamp(help_text="When it happened.")
    level = serializers.ChoiceField(choices=JobLog.Level.choices, help_text="How serious it is.")
    message = serializers.CharField(help_text="What happened, in a sentence.")


@extend_schema_serializer(component_name="VideoJob")
class VideoJobOutput(serializers.Serializer[VideoJob]):
    """A video job."""  # read by videos.representation

    id = serializers.UUIDField(help_text="The job's id.")
    status = StatusOfPhase(
        source="phase", choices=Status.choices, help_text="PENDING, then RUNNING, then SUCCEEDED or FAILED."
    )
    prompt = serializers.CharField(help_text="As requested; empty if there was none.")
    model = serializers.CharField(help_text="The model's name.")
    resolution = serializers.CharField(help_text="As requested.")
    aspectRatio = AspectRatio(
        source="aspect_ratio",
        instead="delivered_aspect_ratio",
        help_text="As requested; once the video is there, the video's own.",
    )
    durationSeconds = Seconds(
        source="duration_seconds",
        instead="delivered_seconds",
        help_text="As requested; once the video is there, the video's own, rounded.",
    )
    generateAudio = serializers.BooleanField(source="generate_audio", help_text="Whether sound was requested.")
    mockMode = serializers.BooleanField(source="mock_mode", help_text="Whether the video is made in mock mode.")
    cloudinaryUrl = StoredFileUrl(source="video", help_text="The public URL of the video; null until SUCCEEDED.")
    posterUrl = StoredFileUrl(source="poster", help_text="A still of the video.")
    progressPercentage = serializers.IntegerField(
        source="progress_percentage",
        min_value=0,
        max_value=100,
        help_text="An estimate. It never decreases, and is 100 only when SUCCEEDED.",
    )
    errorCode = ErrorCode(
        source="error_code",
        help_text=f"Why the job failed, for a program; null if it has not. Codes:\n\n{error_codes.table(_FAILURES)}",
    )
    errorMessage = ErrorMessage(
        source="error_message",
        help_text="Why the job failed and what the attempt cost, for a person; null if it has not.",
    )
    tokensCharged = serializers.IntegerField(
        source="tokens_charged", min_value=0, help_text="What the job cost when it was created."
    )
    tokensRefunded = serializers.IntegerField(
        source="tokens_refunded", min_value=0, help_text="How many of these tokens were returned."
    )
    associatedLooks = FromElsewhere(AssociatedLook(many=True), help_text="The looks that the video was made for.")
    createdAt = Timestamp(source="created_at", help_text="When the job was created.")
    startedAt = Timestamp(source="started_at", allow_null=True, help_text="When the job became RUNNING.")
    completedAt = Timestamp(source="completed_at", allow_null=True, help_text="When the job ended.")
    updatedAt = Timestamp(source="updated_at", help_text="When the job last changed.")
    # The list document spells these four in snake_case, the other one in camelCase; both are served.
    cloudinary_url = StoredFileUrl(source="video", help_text="The same as `cloudinaryUrl`.")
    progress_percentage = serializers.IntegerField(
        min_value=0, max_value=100, help_text="The same as `progressPercentage`."
    )
    created_at = Timestamp(help_text="The same as `createdAt`.")
    updated_at = Timestamp(help_text="The same as `updatedAt`.")


@extend_schema_serializer(component_name="VideoJobDetail")
class VideoJobDetail(VideoJobOutput):
    """A video job with its log."""

    logs = FromElsewhere(JobLogOutput(many=True), help_text="What happened to the job, oldest line first.")


class Durations(serializers.Serializer[Any]):
    """The lengths that a resolution comes in."""

    resolution = serializers.ChoiceField(choices=catalogue.RESOLUTIONS, help_text="A value for `resolution`.")
    durationsSeconds = serializers.ListField(
        child=serializers.IntegerField(min_value=1), help_text="Values for `durationSeconds` in this resolution."
    )


@extend_schema_serializer(component_name="VideoModel")
class VideoModelOutput(serializers.Serializer[catalogue.Offer]):
    """A video model, and what it accepts."""

    name = serializers.CharField(help_text="The value for `model`.")
    title = serializers.CharField(help_text="The model's name, for people.")
    isDefault = serializers.BooleanField(source="is_default", help_text="true: used where `model` is left out.")
    isAvailable = serializers.BooleanField(source="is_available", help_text="false: in mock mode only.")
    resolutions = serializers.SerializerMethodField(help_text="The resolutions that it makes, each with its lengths.")
    aspectRatios = serializers.ListField(
        source="aspect_ratios", child=serializers.CharField(), help_text="Values for `aspectRatio`."
    )
    generateAudio = serializers.BooleanField(source="makes_audio", help_text="true: it can make sound.")
    endFrame = serializers.BooleanField(source="takes_last_frame", help_text="true: it accepts `endFrame`.")
    maxReferenceImages = serializers.IntegerField(
        source="max_references", min_value=0, help_text="How many `referenceImages` it accepts."
    )
    referenceImagesWithInitialImage = serializers.BooleanField(
        source="mixes_references_and_first_frame",
        help_text="true: reference images may come with a first frame, be it initialImage or the look's own image.",
    )

    @extend_schema_field(Durations(many=True))
    def get_resolutions(self, offer: catalogue.Offer) -> list[Any]:
        """Each with its lengths."""
        return [{"resolution": name, "durationsSeconds": seconds} for name, seconds in offer.durations.items()]


@extend_schema_serializer(component_name="DefaultVideo")
class DefaultAnswer(serializers.Serializer[Any]):
    """Whether a video is the default of a look."""

    message = serializers.CharField(help_text="What was done, in a sentence.")
    videoId = serializers.UUIDField(help_text="The id of the video job.")
    lookId = serializers.UUIDField(help_text="The id of the look.")
    isDefault = serializers.BooleanField(help_text="Whether the video is now the look's default.")


class DownloadQuery(QueryInput):
    """The query string of a download."""

    redirect = StrictBoolean(default=False, help_text="true: respond with 302 to the storage's own URL.")


@extend_schema_field({"type": "array", "items": {"$ref": "#/components/schemas/VideoStatus"}, "minItems": 1})
class Statuses(ItemList):
    """Statuses in any case, repeated or comma separated."""

    def to_internal_value(self, data: Any) -> list[Status]:
        """Known words only; each once, in the order of a job's life. Raises ValidationError."""
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
        required=False, source="mock_mode", help_text="true: only mock videos. false: only real ones."
    )
    lookId = serializers.UUIDField(
        required=False, source="look_id", help_text="Only jobs that were made for this look."
    )
    all = StrictBoolean(default=False, help_text="Admins only: the jobs of all accounts.")
