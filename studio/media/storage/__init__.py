"""The storage of videos and images."""

from typing import Any

from django.core.files import File
from django.core.files.storage import Storage, default_storage

from studio.observability import counters

WRITTEN, FAILED = "storage-written", "storage-failed"  # marks of the last success and of the last failure
WRITES = counters.Metric(
    "studio_storage_writes_total", "Writes to the storage, by outcome", {"outcome": ("written", "failed")}
)


def media_storage() -> Storage:
    """The storage of videos and images; a function, so that migrations do not freeze the choice."""
    return default_storage


def store(*, name: str, content: "File[Any]") -> str:
    """Store a file; returns its stored name. Raises what the storage raises. `/readyz` reports the last result."""
    try:
        stored = media_storage().save(name, content)
    except Exception:
        WRITES.add("failed")
        counters.mark(FAILED)
        raise
    WRITES.add("written")
    counters.mark(WRITTEN)
    return stored
