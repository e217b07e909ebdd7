"""The app's registration."""

from django.apps import AppConfig


class StudioConfig(AppConfig):
    """What every app shares."""

    name = "studio"

    def ready(self) -> None:
        """Register the system checks."""
        from studio import checks  # noqa: F401, PLC0415 - registers them
