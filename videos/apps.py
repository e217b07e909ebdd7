"""The app's registration."""

from django.apps import AppConfig


class VideosConfig(AppConfig):
    """Video generation jobs."""

    name = "videos"

    def ready(self) -> None:
        """Tell the health checks about the providers."""
        from videos.checks import register_checks  # noqa: PLC0415 - models can be imported only now

        register_checks()
