"""Where files are kept."""

from typing import Any

from django.core.files import File
from django.core.files.storage import Storage, default_storage

from studio.observability import counters

WRITTEN, FAILED = "storage-written", "storage-failed"  # marks of the last file that was stored, and was not
WRITES = counters.Metric(
    "studio_storage_writes_total", "Files given to the storage, by what came of it", {"outcome": ("written", "failed")}
)


def media_storage() -> Storage:
    """Where videos and pictures are; a function, so that migrations do not freeze the choice."""
    return default_storage


def store(*, name: str, content: "File[Any]") -> str:
    """Store a file; the name that it is stored under. Raises what the storage raises; how it went, /readyz tells."""
    try:
        stored = media_storage().save(name, content)
    except Exception:
        WRITES.add("failed")
        counters.mark(FAILED)
        raise
    WRITES.add("written")
    counters.mark(WRITTEN)
    return stored
