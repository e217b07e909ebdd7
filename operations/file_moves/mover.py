"""Moves stored files from the former storage into the one that the settings name, while the system runs.

The rows themselves record the progress: start an interrupted run again; two runs at once do no harm. A row
gets its new name in one fenced UPDATE, after the copy was compared with the file. The former file stays for
`KEPT_DAYS`, so that URLs which clients have keep working.
"""

import hashlib
import logging
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.exceptions import SuspiciousFileOperation
from django.core.files import File
from django.db import models, transaction
from django.db.models.functions import Now

from looks.models import Look, Product
from operations.reconciliation.stray_files import NAME_COLUMNS
from studio.db import batches
from studio.errors import Conflict
from studio.media import full_disk
from studio.media.storage import disposal, external, media_storage, store
from studio.media.storage.base import StorageError
from studio.media.storage.cloudinary import CloudinaryFolder
from studio.media.storage.previous import AT_CLOUDINARY, IN_FOLDER, is_url, previous_storage
from studio.models import Disposal
from videos.models import JobInput, VideoJob

logger = logging.getLogger(__name__)

KEPT_DAYS = 7  # clients fetch a job or a look again within a session; links in e-mails are ours, and stay valid
PAUSES = (1.0, 5.0, 25.0)  # seconds between attempts at a file, on top of the storage's own retries
FAILED_IN_A_ROW = 10  # then the storage is at fault, not a file
CHUNK_BYTES = 1024 * 1024
OWNERS: dict[type[models.Model], tuple[str, type[models.Model]]] = {
    JobInput: ("job_id", VideoJob),
    Product: ("look_id", Look),
}
Row = tuple[type[models.Model], str, Any, str]  # table, column, id, name of the file


@dataclass
class Moves:
    """The results of a run: numbers of files by outcome, and bytes."""

    counts: Counter[str] = field(default_factory=Counter)  # moved, changed (meanwhile), foreign, failed
    bytes: int = 0


class CopyDiffers(StorageError):
    """The copy differs from the file."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=True)


def target() -> str:
    """The storage that the settings name, as `move_files --to` calls it."""
    return "cloudinary" if isinstance(media_storage(), CloudinaryFolder) else "local"


def remaining() -> Iterator[Row]:
    """Yield the rows whose file is in the former storage, by table and id; reads a page at a time."""
    is_before = is_in_folder if target() == "cloudinary" else is_url
    for model, column in NAME_COLUMNS:
        for pk, name in batches.rows(model._default_manager.order_by("pk"), "pk", column):
            if name and is_before(name):
                yield model, column, pk, name


def move_files(*, to: str, limit: int | None, on_progress: Callable[[Moves, str], None]) -> Moves:
    """Move the files of all rows, or of `limit` rows.

    `on_progress` gets a sentence about each file that fails, "" for others. Raises Conflict if `to` is not the storage
    of the settings, if they do not name the former storage, and when one file after another fails. Raises StorageFull
    when a disk has no room for a file.
    """
    former = former_of(to=to)
    moves, in_a_row = Moves(), 0
    for row in remaining():
        if limit is not None and moves.counts["moved"] + moves.counts["failed"] >= limit:
            break
        try:
            outcome, sentence = _move(row, former, moves), ""
            in_a_row = 0
        except (OSError, SuspiciousFileOperation) as exc:
            if full_disk.is_full(exc):
                raise full_disk.StorageFull(_no_room(row, moves, exc)) from exc
            outcome, sentence = "failed", f"{row[0].__name__} {row[2]}: {row[3]} is not moved: {exc}"
            logger.warning("file.move_failed", extra={"row": row[2], "file": row[3], "reason": str(exc)})
            in_a_row += not isinstance(exc, FileNotFoundError)  # later runs would not get past lost files
        moves.counts[outcome] += 1
        on_progress(moves, sentence)
        if in_a_row == FAILED_IN_A_ROW:
            raise Conflict(f"{in_a_row} files in a row could not be moved; see manage.py doctor, then start again.")
    return moves


def _no_room(row: Row, moves: Moves, exc: Exception) -> str:
    done = f"after {moves.counts['moved']:,} moved files there was no room for {row[3]} ({exc})"
    return f"The storage is full: {done}. Make room, then start again."


def former_of(*, to: str) -> Any:
    """The former storage, for a move to the one that the settings name. Raises Conflict like `move_files`."""
    if to != target():
        setting = "Set CLOUDINARY_URL" if to == "cloudinary" else "Unset CLOUDINARY_URL, set CLOUDINARY_PREVIOUS_URL"
        raise Conflict(f"New files still go to the other storage. {setting}, restart everything, then move.")
    former = previous_storage()
    if former is None:
        raise Conflict("Set CLOUDINARY_PREVIOUS_URL to the account that has the files; they are removed there later.")
    if to == "cloudinary" and not Path(former.path("")).is_dir():
        raise Conflict(f"There is no folder {former.path('')} on this machine. Run this where the files are.")
    return former


def _move(row: Row, former: Any, moves: Moves) -> str:
    """Move one file; return the outcome. Raises what the storage raises."""
    name = row[3]
    try:
        plain = former.saved_as(name) if is_url(name) else name
    except SuspiciousFileOperation:
        return "foreign"  # in another account or folder: readable, but not ours to remove
    for pause in (*PAUSES, None):
        try:
            return _copy(row, plain, former, moves)
        except (FileNotFoundError, SuspiciousFileOperation):
            raise
        except OSError as exc:
            is_final = full_disk.is_full(exc) or (isinstance(exc, StorageError) and not exc.retryable)
            if pause is None or is_final:
                raise
            time.sleep(pause)
    raise AssertionError  # the last attempt returns or raises


def _copy(row: Row, plain: str, former: Any, moves: Moves) -> str:
    model, column, pk, name = row
    here, there = (IN_FOLDER, AT_CLOUDINARY) if is_url(name) else (AT_CLOUDINARY, IN_FOLDER)
    same = model._default_manager.filter(pk=pk, **{column: name})
    copies = Disposal.objects.filter(name=f"{here}{plain}")
    with transaction.atomic():
        _lock_owner(model, pk)
        # under the row's lock: a copy that another run has just adopted must not be registered for removal
        if not same.select_for_update().order_by().values_list("pk").first():
            return "changed"
        # locked, to wait for a sweeper that is just claiming it
        if (copies.select_for_update().order_by().values_list("attempts", flat=True).first() or 0) > 0:
            raise StorageError("the copy of an earlier move is being removed", retryable=True)
        disposal.register(f"{here}{plain}")
    with tempfile.TemporaryFile() as copy:
        facts = _read(former, name, copy)
        _require_delivered(row, facts)
        stored = _store(plain, File(copy, name=plain), facts)
    with transaction.atomic():
        _lock_owner(model, pk)
        changes = {column: stored, "updated_at": Now()}
        if same.update(**changes):
            if not copies.filter(attempts=0).delete()[0]:
                raise StorageError("its copy took so long that it was removed", retryable=True)  # rolls back
            disposal.adopt(stored)
            disposal.dispose([f"{there}{plain}"], after_seconds=KEPT_DAYS * 24 * 3600)
            moves.bytes += facts.size_bytes
            _record(model, pk)
            return "moved"
        now = model._default_manager.select_for_update().filter(pk=pk).order_by().values_list(column, flat=True).first()
        if now != stored and not (now and _is_same(now, plain)):  # otherwise another run has moved it
            disposal.dispose([f"{here}{plain}"])
    return "changed"


def _lock_owner(model: type[models.Model], pk: Any) -> None:
    """Lock the job or look that a row belongs to.

    A change or deletion of that owner reads the row's file name without a lock on the row itself.
    """
    if model in OWNERS:
        column, owner = OWNERS[model]
        rows = model._default_manager.filter(pk=pk).order_by().values_list(column)
        owner._default_manager.select_for_update(no_key=True).filter(pk__in=rows).order_by().values_list("pk").first()


def _record(model: type[models.Model], pk: Any) -> None:
    """Record that jobs show another URL, of a file of their own or of a look's picture."""
    if model is VideoJob:
        VideoJob.objects.filter(pk=pk).record_updates()
    elif model is Look:
        VideoJob.objects.filter(look_videos__look=pk).record_updates()


@dataclass(frozen=True)
class _Facts:
    size_bytes: int
    md5: str
    sha256: str


def _read(storage: Any, name: str, destination: Any = None) -> _Facts:
    """Read a whole stored file, into `destination` if set; return its size and digests."""
    size, md5, sha256 = 0, hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with storage.open(name) as file:
        while data := file.read(CHUNK_BYTES):
            size += len(data)
            md5.update(data)
            sha256.update(data)
            if destination:
                destination.write(data)
    stated = storage.size(name)
    if size != stated:
        raise CopyDiffers(f"{size} of its {stated} bytes were read")
    return _Facts(size, md5.hexdigest(), sha256.hexdigest())


def _require_delivered(row: Row, facts: _Facts) -> None:
    """Raise StorageError if a video's digest is not that of its row."""
    if row[:2] != (VideoJob, "video"):
        return
    digest = VideoJob.objects.filter(pk=row[2]).values_list("video_sha256", flat=True).first()
    if digest and digest != facts.sha256:
        raise StorageError("its SHA-256 is not that of its row", retryable=False)


def _store(plain: str, content: "File[Any]", facts: _Facts) -> str:
    """Store the copy and compare it; return its name. Raises CopyDiffers."""
    storage: Any = media_storage()
    if target() == "cloudinary":
        uploaded = storage.upload(plain, content)
        if (uploaded.size_bytes, uploaded.etag) == (facts.size_bytes, facts.md5):
            return str(uploaded.url)
        name = str(uploaded.url)
    else:
        content.seek(0)
        name = store(name=plain, content=content)
    if _read(storage, name) != facts:
        raise CopyDiffers("its copy has other bytes")
    return name


def is_in_folder(name: str) -> bool:
    """Whether the name is of a file in `DATA_DIR/media`, not at Cloudinary and not external."""
    return not is_url(name) and not external.url_of(name)


def _is_same(name: str, plain: str) -> bool:
    storage: Any = media_storage()
    try:
        return bool((storage.saved_as(name) if is_url(name) else name) == plain)
    except (SuspiciousFileOperation, AttributeError):
        return False
