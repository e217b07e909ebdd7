"""The health check that says whether rows name files of a storage that the settings do not name."""

from django.db import DatabaseError
from django.db.models import Model

from looks.models import Look
from operations.file_moves.mover import is_in_folder, target
from operations.health_checks import AWAY
from studio.media.storage.previous import is_url, previous_storage
from studio.observability.health import Finding, Health
from videos.models import VideoJob

NEWEST = 10_000  # rows of a table that are read, by an index, however many there are


def finding() -> Finding:
    """What a deploy that lost or gained CLOUDINARY_URL would have done to the files of before."""
    try:
        counts = {"videos": _count(VideoJob, "video"), "look pictures": _count(Look, "image")}
    except DatabaseError:
        return Finding(Health.DEGRADED, AWAY)
    parts = [f"{before:,} of {all_:,} {what}" for what, (before, all_) in counts.items() if before]
    if not parts:
        return Finding(Health.OK, "The newest rows name files of the storage that is set.")
    newest = f"Of the newest {NEWEST:,} rows, {' and '.join(parts)}"
    if target() == "cloudinary":
        sentence = (
            f"{newest} are in DATA_DIR/media, though CLOUDINARY_URL is set. Run manage.py move_files --to cloudinary"
        )
    elif previous_storage():
        sentence = f"{newest} are at Cloudinary. Run manage.py move_files --to local"
    else:
        sentence = (
            f"{newest} are at Cloudinary, though CLOUDINARY_URL is unset. Was it lost? Else set "
            "CLOUDINARY_PREVIOUS_URL and run manage.py move_files --to local"
        )
    return Finding(Health.DEGRADED, f"{sentence}; see docs/storage.md.")


def _count(model: type[Model], column: str) -> tuple[int, int]:
    """How many of the newest rows with a file have it in the other storage, and how many rows with a file there are."""
    is_before = is_in_folder if target() == "cloudinary" else is_url
    newest = model._default_manager.order_by("-created_at", "-id").values_list(column, flat=True)[:NEWEST]
    names = [name for name in newest if name]
    return sum(map(is_before, names)), len(names)
