"""The app's registration."""

from functools import partial

from django.apps import AppConfig


class VideosConfig(AppConfig):
    """Video generation jobs."""

    name = "videos"

    def ready(self) -> None:
        """Register the system checks, record changes of the catalogue by staff, and of looks that jobs show."""
        from looks import changes  # noqa: PLC0415 - models can be imported only now
        from studio.backoffice import audit  # noqa: PLC0415 - as above
        from videos.checks import register_checks  # noqa: PLC0415 - as above
        from videos.models import Event, Upstream, VideoModel, events  # noqa: PLC0415 - as above

        for model in (VideoModel, Upstream):
            names = (field.name for field in model._meta.fields)
            audit.watch(model, fields=tuple(name for name in names if name not in {"id", "created_at", "updated_at"}))

        register_checks()
        changes.register(partial(events.record, Event.Kind.UPDATED))
