"""The app's registration."""

from django.apps import AppConfig


class VideosConfig(AppConfig):
    """Video generation jobs."""

    name = "videos"
