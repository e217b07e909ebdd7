"""Video jobs on the wire: what clients send, and what they get."""

from typing import Any
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

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
from studio.images import MEDIA_TYPES
from studio.inputs import Input, PageQuery, QueryInput
from videos import catalogue
from videos.failures import cost_of_attempt
from videos.models import JobLog, VideoJob, whole_seconds
from videos.phases import STATUS, Phase, Status

PROMPT_MAX = 4000  # characters; from the contract


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
        source="mock_mode", help_text="true: a local generator stands in for the provider; costs the same tokens."
    )
    prompt = Text(default="", max_length=PROMPT_MAX, allow_blank=True)
    model = Text(default=catalogue.DEFAULT_MODEL, max_length=100)
    resolution = Choice(choices=catalogue.RESOLUTIONS, default=catalogue.RESOLUTIONS[0])
    aspectRatio = Choice(source="aspect_ratio", choices=catalogue.ASPECT_RATIOS, default=catalogue.ASPECT_RATIOS[0])
    durationSeconds = Choice(
        source="duration_seconds", choices=catalogue.DURATIONS_SECONDS, default=catalogue.DURATIONS_SECONDS[0]
    )
    generateAudio = StrictBoolean(source="generate_audio", default=False)
    lookId = LookId(
        source="look_id", default="", allow_blank=True, help_text="The look to link the video to; or ?look_id=."
    )
    useLookImage = StrictBoolean(
        source="use_look_image", default=True, help_text="Without an initialImage, open with the look's own image."
    )

    def validate_model(self, value: str) -> str:
        """Older clients put `models/` before the name."""
        return value.removeprefix("models/")


@extend_schema_field({"type": "array", "items": {"type": "string", "format": "binary"}, "maxItems": 3, "default": []})
class PictureList(ItemList):
    """Pictures under one name. An HTML form sends an empty part for a field that nobody has filled."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=PictureField(), required=False, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        """Without the empty parts."""
        return super().to_internal_value([item for item in data if item != ""])


class VideoJobForm(VideoJobInput):
    """The same as a multipart form, with pictures."""

    initialImage = PictureField(source="initial_image", required=False, help_text="The first frame.")
    endFrame = PictureField(source="end_frame", required=False, help_text="The last frame.")
    referenceImages = PictureList(source="reference_images", max_length=catalogue.MAX_REFERENCES)


class AssociatedLook(serializers.Serializer[Any]):
    """A look that the video was made for."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    generatedImageUrl = StoredFileUrl()
    thumbnailUrl = StoredFileUrl(help_text="The same picture, 512 pixels at most; null where the look has none.")
    isDefault = serializers.BooleanField()


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


class ErrorMessage(FromColumns, serializers.CharField):
    """Why a job failed, and what the attempt cost."""

    also = ("tokens_charged", "tokens_refunded")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)

    def combined(self, value: Any, *others: Any) -> str | None:
        """Two sentences, or None for a job that has not failed."""
        charged, refunded = others
        return " ".join(filter(None, (value, cost_of_attempt(charged=charged, refunded=refunded)))) if value else None


class JobLogOutput(serializers.Serializer[JobLog]):
    """A line of a job's story."""

    timestamp = Timestamp()
    level = serializers.ChoiceField(choices=JobLog.Level.choices)
    message = serializers.CharField()


class VideoJobOutput(serializers.Serializer[VideoJob]):
    """A job as every endpoint shows it. Read by `videos.representation`."""

    id = serializers.UUIDField()
    status = StatusOfPhase(source="phase", choices=Status.choices)
    prompt = serializers.CharField()
    model = serializers.CharField()
    resolution = serializers.CharField()
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
    generateAudio = serializers.BooleanField(source="generate_audio")
    mockMode = serializers.BooleanField(source="mock_mode")
    cloudinaryUrl = StoredFileUrl(source="video", help_text="Where the stored video is; null until SUCCEEDED.")
    posterUrl = StoredFileUrl(source="poster", help_text="A still of the video; without one, its look's thumbnail.")
    progressPercentage = serializers.IntegerField(source="progress_percentage")
    errorCode = BlankAsNull(source="error_code", help_text="Why it failed, for a machine.")
    errorMessage = ErrorMessage(
        source="error_message", help_text="Why it failed and what the attempt cost, for a person."
    )
    tokensCharged = serializers.IntegerField(source="tokens_charged", help_text="What the job cost when it was made.")
    tokensRefunded = serializers.IntegerField(
        source="tokens_refunded", help_text="How many of these tokens were returned."
    )
    associatedLooks = FromElsewhere(AssociatedLook(many=True), help_text="The looks that it was made for.")
    createdAt = Timestamp(source="created_at")
    startedAt = Timestamp(source="started_at", allow_null=True)
    completedAt = Timestamp(source="completed_at", allow_null=True)
    updatedAt = Timestamp(source="updated_at")
    # The list document spells these four in snake_case, the other one in camelCase; both are served.
    cloudinary_url = StoredFileUrl(source="video")
    progress_percentage = serializers.IntegerField()
    created_at = Timestamp()
    updated_at = Timestamp()


class VideoJobDetail(VideoJobOutput):
    """A job with its story, oldest line first."""

    logs = FromElsewhere(JobLogOutput(many=True))


class Durations(serializers.Serializer[Any]):
    """The lengths that a resolution comes in."""

    resolution = serializers.ChoiceField(choices=catalogue.RESOLUTIONS)
    durationsSeconds = serializers.ListField(child=serializers.IntegerField())


class PictureLimits(serializers.Serializer[Any]):
    """What pictures a job of the model takes: initialImage, endFrame and referenceImages."""

    formats = serializers.ListField(
        child=serializers.CharField(), help_text="Media types, as an input's accept lists them. Still pictures only."
    )
    maxBytes = serializers.IntegerField(help_text="Of one picture's file.")
    maxPixels = serializers.IntegerField(help_text="Width times height of one picture.")
    maxTogetherPixels = serializers.IntegerField(help_text="Of all pictures of one request.")


class VideoModelOutput(serializers.Serializer[catalogue.Offer]):
    """A model, with what a form may offer for it."""

    name = serializers.CharField()
    title = serializers.CharField()
    isDefault = serializers.BooleanField(source="is_default")
    isAvailable = serializers.BooleanField(source="is_available", help_text="false: with mockMode only.")
    resolutions = serializers.SerializerMethodField()
    aspectRatios = serializers.ListField(source="aspect_ratios", child=serializers.CharField())
    generateAudio = serializers.BooleanField(source="makes_audio")
    endFrame = serializers.BooleanField(source="takes_last_frame")
    maxReferenceImages = serializers.IntegerField(source="max_references")
    referenceImagesWithInitialImage = serializers.BooleanField(
        source="mixes_references_and_first_frame",
        help_text="true: reference images may come with a first frame, be it initialImage or the look's own image.",
    )

    images = serializers.SerializerMethodField()

    @extend_schema_field(PictureLimits)
    def get_images(self, offer: catalogue.Offer) -> dict[str, Any]:
        """The same for each model: what a provider would not take is converted."""
        return {
            "formats": MEDIA_TYPES,
            "maxBytes": settings.IMAGE_MAX_BYTES,
            "maxPixels": settings.IMAGE_MAX_PIXELS,
            "maxTogetherPixels": settings.REQUEST_MAX_PIXELS,
        }

    @extend_schema_field(Durations(many=True))
    def get_resolutions(self, offer: catalogue.Offer) -> list[Any]:
        """Each with its lengths."""
        return [{"resolution": name, "durationsSeconds": seconds} for name, seconds in offer.durations.items()]


class DefaultAnswer(serializers.Serializer[Any]):
    """Which video stands for which look, or no longer does."""

    message = serializers.CharField()
    videoId = serializers.UUIDField()
    lookId = serializers.UUIDField()
    isDefault = serializers.BooleanField()


class DownloadQuery(QueryInput):
    """The query string of a download."""

    redirect = StrictBoolean(default=False, help_text="true: answer 302 to the storage's own URL.")


@extend_schema_field({"type": "string"})
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
        required=False, source="statuses", help_text="One or more of the four, repeated or comma separated."
    )
    mockMode = StrictBoolean(required=False, source="mock_mode")
    lookId = serializers.UUIDField(required=False, source="look_id", help_text="Made for this look.")
    all = StrictBoolean(default=False, help_text="Admins only: everybody's jobs.")
