"""The app's registration."""

from django.apps import AppConfig


class StudioConfig(AppConfig):
    """What every app shares."""

    name = "studio"

    def ready(self) -> None:
        """Register the system checks and the health checks."""
        from studio import checks, examinations  # noqa: F401, PLC0415 - the first one registers by itself

        examinations.register_all()
