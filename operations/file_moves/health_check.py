"""The health check for files that are still in the former storage."""

from django.db import DatabaseError
from django.db.models import Model

from looks.models import Look
from operations.file_moves.mover import is_in_folder, target
from operations.health_checks import NO_DATABASE
from studio.media.storage.previous import is_url, previous_storage
from studio.observability.health import Finding, Health
from videos.models import VideoJob

NEWEST = 10_000  # rows read of each table, by an index


def finding() -> Finding:
    """Check whether the newest rows name files in a storage that the settings do not name."""
    try:
        counts = {"videos": _count(VideoJob, "video"), "look pictures": _count(Look, "image")}
    except DatabaseError:
        return Finding(Health.DEGRADED, NO_DATABASE)
    parts = [f"{before:,} of {all_:,} {what}" for what, (before, all_) in counts.items() if before]
    if not parts:
        return Finding(Health.OK, "The newest rows name files in the configured storage.")
    newest = f"Of the newest {NEWEST:,} rows, {' and '.join(parts)}"
    if target() == "cloudinary":
        sentence = (
            f"{newest} are in DATA_DIR/media, though CLOUDINARY_URL is set. Run manage.py move_files --to cloudinary"
        )
    elif previous_storage():
        sentence = f"{newest} are at Cloudinary. Run manage.py move_files --to local"
    else:
        sentence = (
            f"{newest} are at Cloudinary, though CLOUDINARY_URL is unset. Was it lost? Otherwise set "
            "CLOUDINARY_PREVIOUS_URL and run manage.py move_files --to local"
        )
    return Finding(Health.DEGRADED, f"{sentence}; see docs/storage.md.")


def _count(model: type[Model], column: str) -> tuple[int, int]:
    """Count, among the newest rows with a file, those with it in the former storage, and all of them."""
    is_before = is_in_folder if target() == "cloudinary" else is_url
    newest = model._default_manager.order_by("-created_at", "-id").values_list(column, flat=True)[:NEWEST]
    names = [name for name in newest if name]
    return sum(map(is_before, names)), len(names)
