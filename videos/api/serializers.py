"""Serializers of what the API returns about video jobs and models."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from studio.api import error_codes
from studio.api.fields import (
    BlankAsNull,
    ExtraField,
    FromColumns,
    Overridable,
    StoredFileUrl,
    Timestamp,
)
from studio.api.schema import ErrorResponse
from studio.media.images import MEDIA_TYPES
from videos import catalogue
from videos.engine import expectations
from videos.failures import FAILURES, cost_of_attempt
from videos.models import JobLog, VideoJob, whole_seconds
from videos.phases import STATUS, Phase, Status

_FAILURES = {code: failure.message for code, failure in FAILURES.items()}


class AssociatedLook(serializers.Serializer[Any]):
    """A look that the video was made for."""

    id = serializers.UUIDField(source="look", help_text="The look's id.")
    title = serializers.CharField(source="look.title", help_text="The look's title.")
    generatedImageUrl = StoredFileUrl(source="look.image", help_text="The look's picture; null if it has none.")
    thumbnailUrl = StoredFileUrl(
        source="look.thumbnail", help_text="The same picture, 512 pixels at most; null if it has none."
    )
    isDefault = serializers.BooleanField(source="is_default", help_text="true: this video is the look's default.")


class StatusOfPhase(serializers.ChoiceField):
    """The public status of a phase."""

    def to_representation(self, value: str) -> str:
        return STATUS[Phase(value)].value


class Seconds(Overridable, serializers.IntegerField):
    """The length of the video, in whole seconds."""

    def to_representation(self, value: float) -> int:
        return whole_seconds(value)


class AspectRatio(Overridable, serializers.CharField):
    """The shape of the video."""


@extend_schema_field({"type": "string", "enum": list(FAILURES), "nullable": True})
class ErrorCode(BlankAsNull):
    """Why a job failed, as a code."""


class ErrorMessage(FromColumns, serializers.CharField):
    """Why a job failed and what the attempt cost, in two sentences; None for other jobs."""

    also = ("tokens_charged", "tokens_refunded")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)

    def combined(self, value: Any, *others: Any) -> str | None:
        charged, refunded = others
        return " ".join(filter(None, (value, cost_of_attempt(charged=charged, refunded=refunded)))) if value else None


class SecondsLeft(FromColumns, serializers.IntegerField):
    """How much longer a live job is expected to take; None for other jobs, and if unknown."""

    also = ("phase", "created_at", "updated_at")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)

    def combined(self, value: int | None, *others: Any) -> int | None:
        phase, created_at, updated_at = others
        return expectations.seconds_left(phase=phase, expected=value, created_at=created_at, updated_at=updated_at)


@extend_schema_serializer(component_name="JobLogLine")
class JobLogOutput(serializers.Serializer[JobLog]):
    """A line of a job's log."""

    timestamp = Timestamp(help_text="When it happened.")
    level = serializers.ChoiceField(choices=JobLog.Level.choices, help_text="How serious it is.")
    message = serializers.CharField(help_text="What happened, in a sentence.")


@extend_schema_serializer(component_name="VideoJob")
class VideoJobOutput(serializers.Serializer[VideoJob]):
    """A video job."""  # compiled by videos.api.representation

    id = serializers.UUIDField(help_text="The job's id.")
    status = StatusOfPhase(
        source="phase", choices=Status.choices, help_text="PENDING, then RUNNING, then SUCCEEDED or FAILED."
    )
    prompt = serializers.CharField(help_text="As requested; empty if there was none.")
    model = serializers.CharField(help_text="The model's name.")
    resolution = serializers.CharField(help_text="As requested.")
    aspectRatio = AspectRatio(
        source="aspect_ratio",
        override="delivered_aspect_ratio",
        help_text="As requested; that of the video itself once it is stored.",
    )
    durationSeconds = Seconds(
        source="duration_seconds",
        override="delivered_seconds",
        help_text="As requested; that of the video itself, rounded, once it is stored.",
    )
    generateAudio = serializers.BooleanField(source="generate_audio", help_text="Whether sound was requested.")
    mockMode = serializers.BooleanField(source="mock_mode", help_text="Whether the video is generated in mock mode.")
    cloudinaryUrl = StoredFileUrl(source="video", help_text="The public URL of the video; null until SUCCEEDED.")
    posterUrl = StoredFileUrl(source="poster", help_text="A still of the video; without one, its look's thumbnail.")
    progressPercentage = serializers.IntegerField(
        source="progress_percentage",
        min_value=0,
        max_value=100,
        help_text="An estimate. It never decreases, and is 100 only when SUCCEEDED.",
    )
    estimatedSecondsLeft = SecondsLeft(
        source="expected_seconds",
        min_value=1,
        help_text=(
            "How many seconds after `updatedAt` the video will be ready: the median of the last hundred videos of this "
            "model. null if unknown, and once the job has ended."
        ),
    )
    errorCode = ErrorCode(
        source="error_code",
        help_text=f"Why the job failed, for a program; null if it has not. Codes:\n\n{error_codes.table(_FAILURES)}",
    )
    errorMessage = ErrorMessage(
        source="error_message",
        help_text="Why the job failed and what the attempt cost, in words for the user; null if it has not.",
    )
    tokensCharged = serializers.IntegerField(
        source="tokens_charged", min_value=0, help_text="What the job cost when it was created."
    )
    tokensRefunded = serializers.IntegerField(
        source="tokens_refunded", min_value=0, help_text="How many of these tokens were returned."
    )
    retryOf = serializers.UUIDField(
        source="retry_of_id", allow_null=True, help_text="The failed job that this one repeats; null for other jobs."
    )
    retriedBy = serializers.UUIDField(
        source="retried_by", allow_null=True, help_text="The job that repeats this failed one; null if there is none."
    )
    associatedLooks = ExtraField(AssociatedLook(many=True), help_text="The looks that the video was made for.")
    createdAt = Timestamp(source="created_at", help_text="When the job was created.")
    startedAt = Timestamp(source="started_at", allow_null=True, help_text="When the job became RUNNING.")
    completedAt = Timestamp(source="completed_at", allow_null=True, help_text="When the job ended.")
    updatedAt = Timestamp(source="updated_at", help_text="When the job last changed.")
    # Of the frontend's two documents, one spells these four in snake_case; the API returns both spellings.
    cloudinary_url = StoredFileUrl(source="video", help_text="The same as `cloudinaryUrl`.")
    progress_percentage = serializers.IntegerField(
        min_value=0, max_value=100, help_text="The same as `progressPercentage`."
    )
    created_at = Timestamp(help_text="The same as `createdAt`.")
    updated_at = Timestamp(help_text="The same as `updatedAt`.")


@extend_schema_serializer(component_name="VideoJobDetail")
class VideoJobDetail(VideoJobOutput):
    """A video job with its log."""

    logs = ExtraField(JobLogOutput(many=True), help_text="What happened to the job, oldest line first.")


class NotRetriedResponse(ErrorResponse):
    """The body of the 409 of a retry."""

    retriedBy = serializers.UUIDField(
        required=False, help_text="The job that repeats this one. Only with `already_retried`."
    )


class Durations(serializers.Serializer[Any]):
    """The lengths of video in a resolution."""

    resolution = serializers.ChoiceField(choices=catalogue.RESOLUTIONS, help_text="A value for `resolution`.")
    durationsSeconds = serializers.ListField(
        child=serializers.IntegerField(min_value=1), help_text="Values for `durationSeconds` in this resolution."
    )


class PictureLimits(serializers.Serializer[Any]):
    """The pictures that a model accepts: `initialImage`, `endFrame` and `referenceImages`."""

    formats = serializers.ListField(
        child=serializers.CharField(), help_text="Media types, for the `accept` of a file input. Still pictures only."
    )
    maxBytes = serializers.IntegerField(min_value=1, help_text="The size of one file, in bytes.")
    maxPixels = serializers.IntegerField(min_value=1, help_text="Width times height of one picture.")
    maxTogetherPixels = serializers.IntegerField(min_value=1, help_text="The same of all pictures of a request.")


@extend_schema_serializer(component_name="VideoModel")
class VideoModelOutput(serializers.Serializer[catalogue.Offer]):
    """A video model, and what it accepts."""

    name = serializers.CharField(help_text="The value for `model`.")
    title = serializers.CharField(help_text="The model's display name.")
    isDefault = serializers.BooleanField(source="is_default", help_text="true: used where `model` is left out.")
    isAvailable = serializers.BooleanField(source="is_available", help_text="false: in mock mode only.")
    resolutions = serializers.SerializerMethodField(
        help_text="The resolutions that it supports, each with its lengths."
    )
    aspectRatios = serializers.ListField(
        source="aspect_ratios", child=serializers.CharField(), help_text="Values for `aspectRatio`."
    )
    generateAudio = serializers.BooleanField(source="makes_audio", help_text="true: it can generate sound.")
    endFrame = serializers.BooleanField(source="takes_last_frame", help_text="true: it accepts `endFrame`.")
    maxReferenceImages = serializers.IntegerField(
        source="max_references", min_value=0, help_text="How many `referenceImages` it accepts."
    )
    referenceImagesWithInitialImage = serializers.BooleanField(
        source="mixes_references_and_first_frame",
        help_text="true: it accepts reference images together with a first frame (`initialImage` or the look's image).",
    )
    endFrameDurationsSeconds = serializers.ListField(
        source="last_frame_durations",
        child=serializers.IntegerField(min_value=1),
        help_text="Values for `durationSeconds` together with `endFrame`; empty if it accepts none.",
    )
    referenceImagesDurationsSeconds = serializers.ListField(
        source="reference_durations",
        child=serializers.IntegerField(min_value=1),
        help_text="Values for `durationSeconds` together with `referenceImages`; empty if it accepts none.",
    )
    images = serializers.SerializerMethodField(help_text="The limits of pictures.")

    @extend_schema_field(PictureLimits)
    def get_images(self, offer: catalogue.Offer) -> dict[str, Any]:
        return {
            "formats": MEDIA_TYPES,
            "maxBytes": settings.IMAGE_MAX_BYTES,
            "maxPixels": settings.IMAGE_MAX_PIXELS,
            "maxTogetherPixels": settings.REQUEST_MAX_PIXELS,
        }

    @extend_schema_field(Durations(many=True))
    def get_resolutions(self, offer: catalogue.Offer) -> list[Any]:
        return [{"resolution": name, "durationsSeconds": seconds} for name, seconds in offer.durations.items()]


@extend_schema_serializer(component_name="DefaultVideo")
class DefaultVideo(serializers.Serializer[Any]):
    """Whether a video is the default of a look."""

    message = serializers.CharField(help_text="What was done, in a sentence.")
    videoId = serializers.UUIDField(help_text="The id of the video job.")
    lookId = serializers.UUIDField(help_text="The id of the look.")
    isDefault = serializers.BooleanField(help_text="Whether the video is now the look's default.")
