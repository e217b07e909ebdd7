"""Backups of a single machine: database, files and secrets of DATA_DIR in one archive, taken while the system runs."""

import hashlib
import json
import os
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, BinaryIO

from django.apps import apps
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection

from studio import __version__
from studio.errors import Conflict, InvalidInput
from studio.media.storage import disposal

FORMAT = 1  # of the archive; another one is refused
DATABASE, MEDIA, SECRETS, MANIFEST = "db.sqlite3", "media", "secrets", "manifest.json"
COMPRESSION = 1  # videos and pictures are compressed already
HOLD_AGAIN_SECONDS = 60  # a tenth of what a hold lasts


def elsewhere() -> dict[str, str]:
    """The parts that this machine does not hold, each with what to use instead."""
    parts = {}
    if connection.vendor != "sqlite":
        parts[DATABASE] = (
            "The database is PostgreSQL, and not part of this: use pg_dump --format=custom and pg_restore, then "
            "manage.py restore --settle before anything else is started."
        )
    elif not _is_database_here():
        parts[DATABASE] = (
            "DATABASE_URL names a SQLite file outside DATA_DIR, which is not part of this: copy it with sqlite3 and "
            "its .backup command; after copying it back, run manage.py restore --settle."
        )
    try:
        default_storage.path("x")
    except NotImplementedError:
        parts[MEDIA] = (
            "The files are kept by a storage service, and not part of this: see its own backups (Cloudinary has them "
            "as an option of the account)."
        )
    return parts


def _is_database_here() -> bool:
    return Path(connection.settings_dict["NAME"]).resolve() == settings.DATA_DIR / DATABASE


def back_up(*, path: Path) -> dict[str, Any]:
    """Write the archive, readable by its owner alone; returns its manifest.

    The system may run: the database is copied as it was at one moment, and no file that it refers to is removed before
    it is copied, too. Raises InvalidInput for a place that cannot be written, and Conflict where nothing is to be kept.
    """
    missing = elsewhere()
    if DATABASE not in missing and not Path(settings.DATA_DIR / DATABASE).exists():
        raise Conflict(f"There is no database in {settings.DATA_DIR} yet; DATA_DIR may be another one.")
    try:
        with _to_be_named(path) as file, tempfile.TemporaryDirectory(dir=path.parent) as folder:
            try:
                return _write(file, Path(folder), missing)
            finally:
                disposal.release_hold()
    except OSError as exc:
        raise InvalidInput(f"The backup cannot be written: {exc}.") from exc


def _write(file: IO[bytes], folder: Path, missing: dict[str, str]) -> dict[str, Any]:
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "version": __version__,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "without": sorted(missing),
        "migrations": [],
        "counts": {},
        "files": {},
    }
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=COMPRESSION) as archive:
        disposal.hold_removals()
        if DATABASE not in missing:
            copy = folder / DATABASE
            _snapshot(copy)
            manifest |= _facts(copy)
            manifest["files"][DATABASE] = _add(archive, DATABASE, copy)
        for name, source in _files(missing):
            facts = _add(archive, name, source)
            if facts:
                manifest["files"][name] = facts
        _add_manifest(archive, manifest, folder / MANIFEST)
    return manifest


@contextmanager
def _to_be_named(path: Path) -> Iterator[IO[bytes]]:
    """A private file that gets its name when the block ends well. Raises InvalidInput for a name that is taken."""
    if path.exists():
        raise InvalidInput(f"{path} is there already; a backup is never written over another file.")
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600, exist_ok=False)
    try:
        with draft.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # unlike a rename it fails where somebody was faster
    finally:
        draft.unlink()


def _snapshot(copy: Path) -> None:
    """The database as it is now, through SQLite's online backup: in one step, so that no writer starts it over."""
    timeout = connection.settings_dict["OPTIONS"]["timeout"]
    live = sqlite3.connect(settings.DATA_DIR / DATABASE, timeout=timeout)
    with closing(live), closing(sqlite3.connect(copy)) as target:
        live.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")  # one file, until somebody uses it


def _facts(copy: Path) -> dict[str, Any]:
    """What a person wants to know of the copied database, and what a restore has to."""
    with closing(sqlite3.connect(copy)) as database:
        counts = {
            str(model._meta.verbose_name_plural): database.execute(
                f'SELECT COUNT(*) FROM "{model._meta.db_table}"'  # noqa: S608 - a name of ours
            ).fetchone()[0]
            for label in ("accounts", "looks", "videos")
            for model in apps.get_app_config(label).get_models()
        }
        return {"migrations": applied_migrations(database), "counts": counts}


def applied_migrations(database: sqlite3.Connection) -> list[str]:
    """Names such as videos.0001_initial."""
    rows = database.execute("SELECT app, name FROM django_migrations ORDER BY app, name")
    return [f"{app}.{name}" for app, name in rows]


def _files(missing: dict[str, str]) -> Iterator[tuple[str, Path]]:
    """What is to be kept besides the database: its name in the archive, and where it is."""
    last_hold = time.monotonic()
    for part in (SECRETS, MEDIA):
        root = settings.DATA_DIR / part
        if part in missing:
            continue
        for folder, _, names in os.walk(root):
            for name in sorted(names):
                path = Path(folder) / name
                if path.is_file() and not path.is_symlink():
                    yield f"{part}/{path.relative_to(root).as_posix()}", path
                if time.monotonic() - last_hold > HOLD_AGAIN_SECONDS:
                    disposal.hold_removals()
                    last_hold = time.monotonic()


class _Hashing:
    """Reads on behalf of the archive, and adds up what it has read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._digest.update(data)
        return data

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def _add(archive: tarfile.TarFile, name: str, path: Path) -> dict[str, Any]:
    """Its size and digest; nothing for a file that is gone: then the copied database does not refer to it."""
    try:
        with path.open("rb") as file:
            info = archive.gettarinfo(arcname=name, fileobj=file)
            info.uid = info.gid = 0
            info.uname = info.gname = ""
            info.mode = 0o600
            hashing = _Hashing(file)
            archive.addfile(info, hashing)
            return {"bytes": info.size, "sha256": hashing.hexdigest()}
    except FileNotFoundError:
        return {}


def _add_manifest(archive: tarfile.TarFile, manifest: dict[str, Any], draft: Path) -> None:
    """Last, because it has the digests of all the others."""
    draft.write_text(json.dumps(manifest, indent=2))
    _add(archive, MANIFEST, draft)
