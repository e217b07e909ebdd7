"""The app's registration."""

from django.apps import AppConfig


class LooksConfig(AppConfig):
    """Looks: pictures of outfits, and their products."""

    name = "looks"
