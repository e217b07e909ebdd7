"""Where files are kept."""

from django.core.files.storage import Storage, default_storage


def media_storage() -> Storage:
    """Where videos and pictures are; a function, so that migrations do not freeze the choice."""
    return default_storage
