"""Puts a backup in the place of DATA_DIR's data: examined first, then exchanged at once, or not at all."""

import gzip
import hashlib
import json
import shutil
import sqlite3
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from operations.backup.backup import DATABASE, FORMAT, MANIFEST, MEDIA, SECRETS, applied_migrations, elsewhere
from operations.backup.data_folder import FolderInUse, alone_in, exchange
from studio.errors import Conflict, InvalidInput

CHUNK_BYTES = 1024 * 1024
DRAFT_PREFIX = "restoring-"
ROOM_TO_WORK_BYTES = 64 * 1024 * 1024  # for migrations and the write-ahead log, beside what is unpacked
# with what SQLite may have left beside the database
PARTS = [DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", MEDIA, SECRETS]


def restore(
    *, path: Path, replace: bool, look: Callable[[], None], settle: Callable[[], None]
) -> tuple[dict[str, Any], Path | None]:
    """Put the archive's data in the place of DATA_DIR's.

    `look` is called where there is a database, and raises while somebody works on it; `settle` is called on the
    restored database before that is in place. Returns the manifest, and the folder with the
    former data where there was some. Raises InvalidInput for an archive that is damaged, not ours, or newer than this
    version, and Conflict while the system runs, or where data would be replaced that nobody has given up.
    """
    manifest = examine(path=path)
    folder: Path = settings.DATA_DIR
    try:
        with alone_in(folder):
            is_used = _has_data(folder)
            if is_used and not replace:
                raise Conflict(f"There is data in {folder}; --replace puts the backup in its place and keeps it aside.")
            _check_place(manifest, folder)
            if (folder / DATABASE).exists():
                look()
            for leftover in folder.glob(f"{DRAFT_PREFIX}*"):
                shutil.rmtree(leftover, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix=DRAFT_PREFIX, dir=folder) as fresh:
                _unpack(path, manifest, Path(fresh))
                if DATABASE in manifest["files"]:
                    _bring_up_to_date(Path(fresh) / DATABASE, settle)
                aside = _put_in_place(folder, Path(fresh), manifest)
            if not is_used:  # nothing but the secrets that the start of this command may have made
                shutil.rmtree(aside)
            return manifest, aside if is_used else None
    except FolderInUse as exc:
        raise Conflict(f"The system runs with its data in {folder}; stop it first (Ctrl+C, or its service).") from exc
    except OSError as exc:
        raise InvalidInput(f"The backup cannot be restored: {exc}. Nothing has changed.") from exc


def examine(*, path: Path) -> dict[str, Any]:
    """Read all of the archive and compare it with its manifest, which is returned. Raises InvalidInput."""
    found: dict[str, dict[str, Any]] = {}
    manifest: dict[str, Any] = {}
    try:
        for name, data in _members(path):
            if name in found:
                raise InvalidInput(f"{path} is not a backup of ours: it has {name} twice.")
            if name == MANIFEST:
                manifest = _manifest(b"".join(data), path)
            else:
                found[name] = _facts(data)
    except OSError as exc:
        raise InvalidInput(f"{path} cannot be read: {exc}.") from exc
    if found != manifest.get("files"):
        raise InvalidInput(f"{path} is damaged: its files are not those of its manifest.")
    _check_version(manifest["migrations"])
    return manifest


def _facts(data: Iterable[bytes], write: Callable[[bytes], Any] = len) -> dict[str, Any]:
    """Size and digest of what passes through."""
    size, digest = 0, hashlib.sha256()
    for chunk in data:
        size += len(chunk)
        digest.update(chunk)
        write(chunk)
    return {"bytes": size, "sha256": digest.hexdigest()}


def _members(path: Path) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Every file of the archive with its content, to be read at once.

    Raises InvalidInput for anything but ours, and OSError where the file cannot be read.
    """
    with _damage_told(path), tarfile.open(path, "r|gz") as archive:
        for member in archive:
            if not member.isreg() or not _is_our_name(member.name):
                raise InvalidInput(f"{path} is not a backup of ours: it has {member.name!r}.")
            yield member.name, _content(path, archive, member)


def _content(path: Path, archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    with _damage_told(path):
        file = archive.extractfile(member)
        assert file is not None  # it is a regular file
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as exc:
        raise InvalidInput(f"{path} is damaged, or no backup: {exc}.") from exc


def _is_our_name(name: str) -> bool:
    """One of the parts, and nothing that leads out of the folder: names come from a file that may be anybody's."""
    parts = name.split("/")
    if any(part in {"", ".", ".."} or "\0" in part for part in parts):
        return False
    return name in {MANIFEST, DATABASE} or (len(parts) > 1 and parts[0] in {MEDIA, SECRETS})


def _manifest(data: bytes, path: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(data)
    except ValueError as exc:
        raise InvalidInput(f"{path} is damaged: its manifest cannot be read.") from exc
    shape = {"files": dict, "migrations": list, "without": list, "counts": dict}
    is_ours = isinstance(manifest, dict) and all(isinstance(manifest.get(key), kind) for key, kind in shape.items())
    if not is_ours or manifest.get("format") != FORMAT:
        raise InvalidInput(f"{path} is a backup of another format than {FORMAT}; use the version that has made it.")
    return manifest


def _check_version(migrations: list[str]) -> None:
    """Raise InvalidInput for a database that has been changed by a version to come."""
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    if unknown := sorted(set(map(str, migrations)) - known):
        raise InvalidInput(f"The backup is of a newer version: {unknown[0]} is not known here. Install that one first.")


def _has_data(folder: Path) -> bool:
    return (folder / DATABASE).exists() or any((folder / MEDIA).rglob("*"))


def _check_place(manifest: dict[str, Any], folder: Path) -> None:
    files = manifest["files"]
    for part, advice in elsewhere().items():
        if any(name == part or name.startswith(f"{part}/") for name in files):
            raise Conflict(f"The backup has {part}, which this configuration keeps elsewhere. {advice}")
    needed = sum(facts["bytes"] for facts in files.values()) + ROOM_TO_WORK_BYTES
    if shutil.disk_usage(folder).free < needed:
        raise Conflict(f"There is no room in {folder}: {needed // 1024**2:,} MiB are needed. Nothing has changed.")


def _unpack(path: Path, manifest: dict[str, Any], fresh: Path) -> None:
    """Write the files, as they were examined: the archive may have been exchanged meanwhile."""
    for name, data in _members(path):
        if name == MANIFEST:
            continue
        target, is_secret = fresh / name, name.startswith(f"{SECRETS}/")
        # the rest as the umask says: nginx may be in the group, and read media
        target.parent.mkdir(mode=0o700 if is_secret else 0o777, parents=True, exist_ok=True)
        target.touch(mode=0o600 if is_secret else 0o666, exist_ok=False)
        with target.open("wb") as file:
            facts = _facts(data, file.write)
        if manifest["files"].get(name) != facts:
            raise InvalidInput(f"{path} has changed while it was read. Nothing has changed here.")


def _bring_up_to_date(database: Path, settle: Callable[[], None]) -> None:
    with closing(sqlite3.connect(database)) as copy:
        try:
            is_sound = copy.execute("PRAGMA quick_check").fetchone()[0] == "ok"
            migrations = applied_migrations(copy)
        except sqlite3.DatabaseError as exc:
            raise InvalidInput(f"The backup's database is damaged: {exc}. Nothing has changed.") from exc
    if not is_sound:
        raise InvalidInput("The backup's database is damaged. Nothing has changed.")
    _check_version(migrations)
    with _connected_to(database):
        call_command("migrate", verbosity=0, interactive=False)
        settle()


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
    """Exchange the parts that the backup has; the former ones are in the folder that is returned."""
    elsewhere_then = [*manifest["without"], *([] if (fresh / SECRETS).exists() else [SECRETS])]
    names = [name for name in PARTS if not name.startswith(tuple(elsewhere_then))]
    aside = folder / f"before-restore-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
    aside.mkdir(mode=0o700)
    connection.close()
    exchange(folder=folder, fresh=fresh, aside=aside, names=names)
    return aside
