"""Backups of a single machine: database, files and secrets of DATA_DIR in one archive, taken while the system runs."""

import json
import os
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import IO, Any

from django.apps import apps
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection

from studio import __version__
from studio.errors import Conflict, InvalidInput
from studio.media.storage import disposal

FORMAT = 2  # of the archive; format 1 also had a digest of each file, in the manifest
DATABASE, MEDIA, SECRETS, MANIFEST = "db.sqlite3", "media", "secrets", "manifest.json"
COMPRESSION = 1  # videos and pictures are compressed already
HOLD_AGAIN_SECONDS = 60  # a tenth of what a hold lasts


def excluded() -> dict[str, str]:
    """The parts that this machine does not hold, each with advice on how to back it up."""
    parts = {}
    if connection.vendor != "sqlite":
        parts[DATABASE] = (
            "PostgreSQL holds the database, so the archive does not: use pg_dump --format=custom and pg_restore, then "
            "run manage.py restore --settle before you start anything."
        )
    elif Path(connection.settings_dict["NAME"]).resolve() != settings.DATA_DIR / DATABASE:
        parts[DATABASE] = (
            "DATABASE_URL names a SQLite file outside DATA_DIR, so the archive does not hold it: copy it with sqlite3 "
            "and its .backup command; after copying it back, run manage.py restore --settle."
        )
    try:
        default_storage.path("x")
    except NotImplementedError:
        parts[MEDIA] = (
            "A storage service keeps the files, so the archive does not: see its own backups (Cloudinary offers them "
            "as an option of the account)."
        )
    return parts


def back_up(*, path: Path) -> dict[str, Any]:
    """Write the archive, readable by its owner only; return its manifest.

    The system may be running: the database is copied as of one moment, and no file that it refers to is removed before
    that file is copied. Raises InvalidInput for a path that exists or cannot be written, and Conflict if there is
    no database yet.
    """
    missing = excluded()
    if DATABASE not in missing and not (settings.DATA_DIR / DATABASE).exists():
        raise Conflict(f"There is no database in {settings.DATA_DIR} yet; is DATA_DIR right?")
    if path.exists():
        raise InvalidInput(f"{path} exists already; a backup never overwrites a file.")
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".backup-") as folder:
            draft = Path(folder) / "archive"
            draft.touch(mode=0o600)
            with draft.open("wb") as file:
                manifest = _write(file, Path(folder), missing)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)  # unlike a rename, it fails if the name exists by now
            return manifest
    except (OSError, sqlite3.Error) as exc:
        raise InvalidInput(f"The backup cannot be written: {exc}.") from exc
    finally:
        disposal.release_hold()


def _write(file: IO[bytes], folder: Path, missing: dict[str, str]) -> dict[str, Any]:
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "version": __version__,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "without": sorted(missing),
        "counts": {},
        "files": 0,
    }
    disposal.hold_removals()
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=COMPRESSION) as archive:
        if DATABASE not in missing:
            _copy_database(folder / DATABASE)
            manifest["counts"] = _counts(folder / DATABASE)
            manifest["files"] += _add(archive, DATABASE, folder / DATABASE)
        for name, source in _files(missing):
            manifest["files"] += _add(archive, name, source)
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2))
        _add(archive, MANIFEST, folder / MANIFEST)
    return manifest


def _copy_database(copy: Path) -> None:
    timeout = connection.settings_dict["OPTIONS"]["timeout"]
    with closing(sqlite3.connect(settings.DATA_DIR / DATABASE, timeout=timeout)) as live:
        live.execute("VACUUM INTO ?", (str(copy),))


def _counts(copy: Path) -> dict[str, int]:
    with closing(sqlite3.connect(copy)) as database:
        return {
            str(model._meta.verbose_name_plural): database.execute(
                f'SELECT COUNT(*) FROM "{model._meta.db_table}"'  # noqa: S608 - our own table's name
            ).fetchone()[0]
            for label in ("accounts", "looks", "videos")
            for model in apps.get_app_config(label).get_models()
        }


def _files(missing: dict[str, str]) -> Iterator[tuple[str, Path]]:
    """Secrets and media: each file's name in the archive, and its path."""
    last_hold = time.monotonic()
    roots = [settings.DATA_DIR / part for part in (SECRETS, MEDIA) if part not in missing]
    for folder, _, names in chain.from_iterable(os.walk(root) for root in roots):
        for path in (Path(folder) / name for name in sorted(names)):
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(settings.DATA_DIR).as_posix(), path
            if time.monotonic() - last_hold > HOLD_AGAIN_SECONDS:
                disposal.hold_removals()
                last_hold = time.monotonic()


def _add(archive: tarfile.TarFile, name: str, path: Path) -> bool:
    """Add the file; False if it is gone: then the copied database does not refer to it."""
    try:
        archive.add(path, name, recursive=False, filter=_private)
    except FileNotFoundError:
        return False
    return True


def _private(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member
