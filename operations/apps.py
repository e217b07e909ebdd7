"""The app's registration."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """What runs and watches the system; it has no tables of its own."""

    name = "operations"

    def ready(self) -> None:
        """Register every health check: here, at the top, all that they ask about can be imported."""
        from operations import health_checks, video_health_checks  # noqa: PLC0415 - models can be imported only now

        health_checks.register_all()
        video_health_checks.register_all()
