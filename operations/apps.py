"""The app's registration."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """Runs and watches the system; has no tables of its own."""

    name = "operations"

    def ready(self) -> None:
        from operations import health_checks, video_health_checks  # noqa: PLC0415 - models can be imported only now

        health_checks.register_all()
        video_health_checks.register_all()
