"""The app's registration."""

from django.apps import AppConfig


class VideosConfig(AppConfig):
    """Video generation jobs."""

    name = "videos"

    def ready(self) -> None:
        """Register the system checks, and record changes of the catalogue by staff."""
        from studio.backoffice import audit  # noqa: PLC0415 - models can be imported only now
        from videos.checks import register_checks  # noqa: PLC0415 - as above
        from videos.models import Upstream, VideoModel  # noqa: PLC0415 - as above

        for model in (VideoModel, Upstream):
            names = (field.name for field in model._meta.fields)
            audit.watch(model, fields=tuple(name for name in names if name not in {"id", "created_at", "updated_at"}))

        register_checks()
