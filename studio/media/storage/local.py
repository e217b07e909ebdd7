"""Stores files in a folder of this machine."""

import glob
import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.files.storage import FileSystemStorage

from studio.media.storage import external
from studio.media.storage.base import StoredFile
from studio.media.storage.external import ExternalFilesMixin
from studio.media.storage.previous import IN_FOLDER, PreviousStorageMixin, is_url

_PLAIN = re.compile(r"\w[\w-]*(?:[./][\w-]+)*", re.ASCII)  # needs no quoting in a URL
PARTS = ".parts"  # a separate folder, so that listings do not contain unfinished files
SIZED = "sized"  # a folder with smaller copies of pictures (studio.media.sized)
PARTS_KEPT_SECONDS = 24 * 3600  # longer than any file takes to write


class _Folder(ExternalFilesMixin, FileSystemStorage):
    """Django's storage with two changes.

    It builds the URLs of plain names without parsing, because a page of jobs has dozens. A file appears only
    once it is complete; the remains of a full disk or a killed process stay in `PARTS`.
    """

    def url(self, name: str | None) -> str:
        if name and self.base_url and _PLAIN.fullmatch(name):
            return f"{self.base_url}{name}"
        return super().url(name)

    def attachment_url(self, name: str, file_name: str) -> str:
        """The URL at which a browser saves the file under its stored name."""
        return external.url_of(name) or f"{self.url(name)}?download=1"

    def delete(self, name: str) -> None:
        """Remove the file and its smaller copies."""
        super().delete(name)
        if not external.url_of(name):
            for copy in self._copies_of(name):
                copy.unlink(missing_ok=True)

    def _copies_of(self, name: str) -> Iterator[Path]:
        path = Path(self.path(f"{SIZED}/{name}"))
        return path.parent.glob(f"{glob.escape(path.name)}-*")

    def _save(self, name: str, content: "File[Any]") -> str:
        _remove_old_parts(Path(self.path(PARTS)))
        part = f"{PARTS}/{uuid.uuid4().hex}"
        try:
            super()._save(part, content)  # type: ignore[misc]  # not in the stubs
            target = Path(self.path(name))
            target.parent.mkdir(parents=True, exist_ok=True)
            Path(self.path(part)).replace(target)
        except BaseException:
            with suppress(OSError):
                Path(self.path(part)).unlink()
            raise
        return name

    def files_in(self, folder: str) -> Iterator[StoredFile]:
        """The files of `names_in` with size and date. Raises OSError."""
        for name in self.names_in(folder):
            with suppress(FileNotFoundError):  # removed in the meantime
                facts = Path(self.path(name)).stat()
                yield StoredFile((name,), facts.st_size, datetime.fromtimestamp(facts.st_mtime, UTC))

    def names_in(self, folder: str) -> Iterator[str]:
        """The names of all files in the folder and its subfolders, lazily, so that a million files take no memory.

        Empty for a missing folder. Raises OSError for one that cannot be read.
        """
        try:
            entries = os.scandir(self.path(folder))
        except FileNotFoundError:
            return
        with entries:
            for entry in entries:
                name = f"{folder}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    yield from self.names_in(name)
                else:
                    yield name


class LocalStorage(PreviousStorageMixin, _Folder):
    """Also reads and removes files that are still in the previous storage, a Cloudinary account."""

    prefix = IN_FOLDER

    def has_url(self, name: str) -> bool:
        """Whether the file is in the folder, not at Cloudinary."""
        return not is_url(name)

    def url(self, name: str | None) -> str:
        """The URL of the file; does not consult the previous storage for our own names."""
        return super().url(name) if name and is_url(name) else _Folder.url(self, name)


@cache
def _remove_old_parts(folder: Path) -> None:
    """Remove what killed processes have left behind; once per process."""
    with suppress(OSError):
        for part in folder.iterdir():
            if time.time() - part.stat().st_mtime > PARTS_KEPT_SECONDS:
                part.unlink()
