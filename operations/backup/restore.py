"""Puts a backup in the place of DATA_DIR's data: unpacked and checked beside it first, then exchanged all at once."""

import gzip
import json
import shutil
import sqlite3
import tarfile
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from operations.backup.backup import DATABASE, FORMAT, MANIFEST, MEDIA, SECRETS, excluded
from operations.backup.data_folder import FolderInUse, alone_in, exchange
from operations.backup.settle import check_no_sweeper_runs, settle_restored_jobs
from studio.errors import Conflict, InvalidInput

DRAFT_PREFIX = "restoring-"
# with what SQLite may have left beside the database
PARTS = [DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", MEDIA, SECRETS]


@dataclass(frozen=True)
class Restored:
    """What a restore did. `aside` is the folder with the former data, None if there was none."""

    manifest: dict[str, Any]
    settled: Counter[str]
    aside: Path | None


def restore(*, path: Path, replace: bool) -> Restored:
    """Put the archive's data in the place of DATA_DIR's, with its jobs settled.

    Raises InvalidInput for an archive that is damaged, not ours, or newer than this version. Raises Conflict while the
    system runs, and for data that only `replace` may put aside.
    """
    folder: Path = settings.DATA_DIR
    try:
        with alone_in(folder):
            has_data = (folder / DATABASE).exists() or any((folder / MEDIA).rglob("*"))
            if has_data and not replace:
                raise Conflict(f"There is data in {folder}; --replace puts the backup in its place and keeps it aside.")
            if (folder / DATABASE).exists():
                check_no_sweeper_runs()
            manifest, settled, aside = _exchange_with(path, folder)
            if not has_data:  # nothing but the secrets that the start of this command may have made
                shutil.rmtree(aside)
            return Restored(manifest, settled, aside if has_data else None)
    except FolderInUse as exc:
        raise Conflict(f"The system runs with its data in {folder}; stop it first (Ctrl+C, or its service).") from exc
    except OSError as exc:
        raise InvalidInput(f"The backup cannot be restored: {exc}. Nothing has changed.") from exc


def _exchange_with(path: Path, folder: Path) -> tuple[dict[str, Any], Counter[str], Path]:
    for leftover in folder.glob(f"{DRAFT_PREFIX}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=DRAFT_PREFIX, dir=folder) as name:
        fresh = Path(name)
        manifest = _unpack(path, fresh)
        for part, advice in excluded().items():
            if (fresh / part).exists():
                raise Conflict(f"The backup has {part}, but this configuration keeps it in another place. {advice}")
        settled = _migrate_and_settle(fresh / DATABASE) if (fresh / DATABASE).exists() else Counter()
        return manifest, settled, _put_in_place(folder, fresh, manifest)


def _unpack(path: Path, fresh: Path) -> dict[str, Any]:
    """Write the archive's files, and return its manifest. gzip's checksum covers every byte. Raises InvalidInput."""
    (fresh / SECRETS).mkdir(mode=0o700)
    try:
        with gzip.open(path) as data:
            with tarfile.open(fileobj=data, mode="r|") as archive:
                for member in archive:
                    if not member.isreg() or not _is_our_name(member.name):
                        raise InvalidInput(f"{path} is not a backup of this system: it has {member.name!r}.")
                    _write_member(archive, member, fresh / member.name)
            while data.read(1024 * 1024):  # up to the checksum
                pass
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as exc:
        raise InvalidInput(f"{path} is damaged, or no backup: {exc}.") from exc
    if not any((fresh / SECRETS).iterdir()):
        (fresh / SECRETS).rmdir()  # those of this machine stay
    return _manifest(fresh / MANIFEST, path)


def _is_our_name(name: str) -> bool:
    """One of our parts, and nothing that leads out of the folder: an archive may come from anywhere."""
    parts = name.split("/")
    if any(part in {"", ".", ".."} or "\0" in part for part in parts):
        return False
    return name in {MANIFEST, DATABASE} or (len(parts) > 1 and parts[0] in {MEDIA, SECRETS})


def _write_member(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # other files get the umask's mode: nginx may be in the group, and read media
    target.touch(mode=0o600 if member.name.startswith(f"{SECRETS}/") else 0o666, exist_ok=False)
    source = archive.extractfile(member)
    assert source is not None  # it is a regular file
    with source, target.open("wb") as file:
        shutil.copyfileobj(source, file)


def _manifest(file: Path, path: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(file.read_bytes())
    except (FileNotFoundError, ValueError) as exc:
        raise InvalidInput(f"{path} is damaged: its manifest cannot be read.") from exc
    shape = {"without": list, "counts": dict, "created_at": str, "version": str}
    is_ours = isinstance(manifest, dict) and all(isinstance(manifest.get(key), kind) for key, kind in shape.items())
    if not is_ours or manifest.get("format") not in {1, FORMAT}:
        raise InvalidInput(f"{path} is a backup of an unknown format; use the version that made it.")
    return manifest


def _migrate_and_settle(database: Path) -> Counter[str]:
    try:
        with closing(sqlite3.connect(database)) as copy:
            rows = copy.execute("SELECT app, name FROM django_migrations ORDER BY app, name")
            applied = [f"{app}.{name}" for app, name in rows]
    except sqlite3.DatabaseError as exc:
        raise InvalidInput(f"The backup's database is damaged: {exc}. Nothing has changed.") from exc
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    if newer := [name for name in applied if name not in known]:
        raise InvalidInput(f"The backup is of a newer version: {newer[0]} is unknown here. Install that version first.")
    with _connected_to(database):
        call_command("migrate", verbosity=0, interactive=False)
        return settle_restored_jobs()


@contextmanager
def _connected_to(database: Path) -> Iterator[None]:
    """Let Django use this file, in this thread."""
    usual = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = str(database)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual


def _put_in_place(folder: Path, fresh: Path, manifest: dict[str, Any]) -> Path:
    """Exchange the parts that the backup has; return the folder that then holds the former ones."""
    kept = [*manifest["without"], *([] if (fresh / SECRETS).exists() else [SECRETS])]
    names = [name for name in PARTS if not name.startswith(tuple(kept))]
    aside = folder / f"before-restore-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
    aside.mkdir(mode=0o700)
    connection.close()
    exchange(folder=folder, fresh=fresh, aside=aside, names=names)
    return aside
