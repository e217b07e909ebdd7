"""The app's registration."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """Runs and watches the system; has no tables of its own."""

    name = "operations"

    def ready(self) -> None:
        from operations import (  # noqa: PLC0415 - models can be imported only now
            account_health_checks,
            health_checks,
            video_health_checks,
        )

        health_checks.register_all()
        video_health_checks.register_all()
        account_health_checks.register_all()
