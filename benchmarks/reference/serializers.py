"""The plain way's serializers: ModelSerializers, nested where the response is."""

from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

from looks.models import Look, LookShare, LookVideo, Product
from videos.models import JobLog, VideoJob

DURATIONS, RESOLUTIONS, RATIOS = (8, 4), ("720p", "1080p"), ("16:9", "9:16")


class Moment(serializers.DateTimeField):
    """UTC with milliseconds."""

    def to_representation(self, value: datetime) -> str:
        """`2025-11-02T10:30:00.000Z`."""
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class AssociatedLook(serializers.ModelSerializer):
    """A look of a job."""

    id = serializers.UUIDField(source="look.id")
    title = serializers.CharField(source="look.title")
    generatedImageUrl = serializers.FileField(source="look.image")
    thumbnailUrl = serializers.FileField(source="look.thumbnail")
    isDefault = serializers.BooleanField(source="is_default")

    class Meta:
        model = LookVideo
        fields = ("id", "title", "generatedImageUrl", "thumbnailUrl", "isDefault")


class PosterOrThumbnail(serializers.FileField):
    """The poster of a video, and until there is one the thumbnail of its look."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(source="*", **kwargs)

    def to_representation(self, value: Any) -> Any:
        """Of a job, or of the link between a look and its video."""
        is_link = isinstance(value, LookVideo)
        poster = value.video.poster if is_link else value.poster
        links = [value] if is_link else value.look_videos.all()
        files = [poster, *(link.look.thumbnail for link in links)]
        return super().to_representation(next((file for file in files if file), poster))


class Job(serializers.ModelSerializer):
    """A job of the list."""

    status = serializers.CharField(read_only=True)
    aspectRatio = serializers.CharField(source="aspect_ratio")
    durationSeconds = serializers.IntegerField(source="duration_seconds")
    generateAudio = serializers.BooleanField(source="generate_audio")
    mockMode = serializers.BooleanField(source="mock_mode")
    cloudinaryUrl = serializers.FileField(source="video")
    posterUrl = PosterOrThumbnail()
    progressPercentage = serializers.IntegerField(source="progress_percentage")
    errorCode = serializers.SerializerMethodField()
    errorMessage = serializers.SerializerMethodField()
    tokensCharged = serializers.IntegerField(source="tokens_charged")
    tokensRefunded = serializers.IntegerField(source="tokens_refunded")
    estimatedSecondsLeft = serializers.SerializerMethodField()
    retryOf = serializers.UUIDField(source="retry_of_id")
    retriedBy = serializers.UUIDField(source="retried_by")
    associatedLooks = AssociatedLook(source="look_videos", many=True)
    createdAt = Moment(source="created_at")
    startedAt = Moment(source="started_at")
    completedAt = Moment(source="completed_at")
    updatedAt = Moment(source="updated_at")
    cloudinary_url = serializers.FileField(source="video")
    created_at = Moment()
    updated_at = Moment()

    class Meta:
        model = VideoJob
        fields = (
            "id", "status", "prompt", "model", "resolution", "aspectRatio", "durationSeconds", "generateAudio",
            "mockMode", "cloudinaryUrl", "posterUrl", "progressPercentage", "errorCode", "errorMessage",
            "tokensCharged", "tokensRefunded", "estimatedSecondsLeft", "retryOf", "retriedBy", "associatedLooks",
            "createdAt", "startedAt", "completedAt", "updatedAt",
            "cloudinary_url", "progress_percentage", "created_at", "updated_at",
        )  # fmt: skip

    def get_estimatedSecondsLeft(self, job: VideoJob) -> None:  # noqa: N802 - DRF derives it from the field
        """Unknown: nothing was made before."""

    def get_errorCode(self, job: VideoJob) -> str | None:  # noqa: N802 - DRF derives it from the field
        """Null where there is none."""
        return job.error_code or None

    def get_errorMessage(self, job: VideoJob) -> str | None:  # noqa: N802 - the same
        """Null where there is none; else with what the attempt cost."""
        if not job.error_message:
            return None
        if job.tokens_refunded:
            return f"{job.error_message} Your {job.tokens_refunded} tokens were returned."
        return f"{job.error_message} The attempt cost {job.tokens_charged} tokens."


class Line(serializers.ModelSerializer):
    """An entry of a job's timeline."""

    timestamp = Moment()

    class Meta:
        model = JobLog
        fields = ("timestamp", "level", "message")


class JobDetail(Job):
    """A job with its timeline."""

    logs = Line(many=True)

    class Meta(Job.Meta):
        fields = (*Job.Meta.fields, "logs")


class ProductOfLook(serializers.ModelSerializer):
    """A product."""

    productUrl = serializers.SerializerMethodField()
    thumbnailUrl = serializers.FileField(source="thumbnail")

    class Meta:
        model = Product
        fields = ("id", "sku", "name", "designer", "price", "currency", "productUrl", "thumbnailUrl")

    def get_productUrl(self, product: Product) -> str | None:  # noqa: N802
        """Null where there is none."""
        return product.product_url or None


class Reader(serializers.ModelSerializer):
    """A user with whom a look is shared."""

    id = serializers.UUIDField(source="user.id")
    email = serializers.CharField(source="user.email")

    class Meta:
        model = LookShare
        fields = ("id", "email")


class VideoOfLook(serializers.ModelSerializer):
    """A video of a look."""

    id = serializers.UUIDField(source="video.id")
    status = serializers.CharField(source="video.status")
    cloudinaryUrl = serializers.FileField(source="video.video")
    posterUrl = PosterOrThumbnail()
    isDefault = serializers.BooleanField(source="is_default")
    createdAt = Moment(source="video.created_at")
    progressPercentage = serializers.IntegerField(source="video.progress_percentage")

    class Meta:
        model = LookVideo
        fields = ("id", "status", "cloudinaryUrl", "posterUrl", "isDefault", "createdAt", "progressPercentage")


class LookOutput(serializers.ModelSerializer):
    """A look of the caller's."""

    generatedImageUrl = serializers.FileField(source="image")
    thumbnailUrl = serializers.FileField(source="thumbnail")
    products = ProductOfLook(many=True)
    sharedWith = Reader(source="shares", many=True)
    sharedWithEmails = serializers.SlugRelatedField(
        source="email_shares", slug_field="email", many=True, read_only=True
    )
    videos = VideoOfLook(source="look_videos", many=True)
    canEdit = serializers.SerializerMethodField()
    createdAt = Moment(source="created_at")
    updatedAt = Moment(source="updated_at")

    class Meta:
        model = Look
        fields = (
            "id", "title", "notes", "generatedImageUrl", "thumbnailUrl", "products", "visibility", "sharedWith",
            "sharedWithEmails", "videos", "canEdit", "createdAt", "updatedAt",
        )  # fmt: skip

    def get_canEdit(self, look: Look) -> bool:  # noqa: N802 - named after the field
        return bool(look.owner_id == self.context["request"].user.pk)


class JobForm(serializers.Serializer[Any]):
    """What a client asks for."""

    mockMode = serializers.BooleanField(source="mock_mode")
    prompt = serializers.CharField(max_length=4000)
    model = serializers.CharField(max_length=100, default="veo-3.1-generate-preview")
    resolution = serializers.ChoiceField(choices=RESOLUTIONS, default="720p")
    aspectRatio = serializers.ChoiceField(source="aspect_ratio", choices=RATIOS, default="16:9")
    durationSeconds = serializers.ChoiceField(source="duration_seconds", choices=DURATIONS, default=8)
    generateAudio = serializers.BooleanField(source="generate_audio", default=False)
    initialImage = serializers.ImageField(required=False)
