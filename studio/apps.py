"""The app's registration."""

from django.apps import AppConfig


class StudioConfig(AppConfig):
    """What every app shares."""

    name = "studio"
