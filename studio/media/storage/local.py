"""Files kept in a folder of this machine."""

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
from studio.media.storage.external import TakesFilesElsewhere
from studio.media.storage.previous import IN_FOLDER, TakesFormerFiles, is_url

_PLAIN = re.compile(r"\w[\w-]*(?:[./][\w-]+)*", re.ASCII)  # nothing in it that a URL would spell in another way


PARTS = ".parts"  # a folder beside ours: no listing of files sees what is being written
PARTS_KEPT_SECONDS = 24 * 3600  # no file takes that long to write


class _Folder(TakesFilesElsewhere, FileSystemStorage):
    """Django's own, with the URLs of our names made without parsing any: a page of jobs shows dozens.

    A file is there whole, or not at all: what a full disk or a killed process leaves of it is in `PARTS`.
    """

    def url(self, name: str | None) -> str:
        """Where the site serves the file."""
        if name and self.base_url and _PLAIN.fullmatch(name):
            return f"{self.base_url}{name}"
        return super().url(name)

    def attachment_url(self, name: str, file_name: str) -> str:
        """The URL at which a browser saves the file, under its stored name."""
        return external.url_of(name) or f"{self.url(name)}?download=1"

    def _save(self, name: str, content: "File[Any]") -> str:
        _remove_old_parts(Path(self.path(PARTS)))
        part = f"{PARTS}/{uuid.uuid4().hex}"
        try:
            FileSystemStorage._save(self, part, content)  # type: ignore[attr-defined]  # noqa: SLF001 - documented, not in the stubs
            target = Path(self.path(name))
            target.parent.mkdir(parents=True, exist_ok=True)
            Path(self.path(part)).replace(target)
        except BaseException:
            with suppress(OSError):
                Path(self.path(part)).unlink()
            raise
        return name

    def files_in(self, folder: str) -> Iterator[StoredFile]:
        """The files whose names `names_in` gives, with size and date. Raises OSError."""
        for name in self.names_in(folder):
            with suppress(FileNotFoundError):  # removed meanwhile
                facts = Path(self.path(name)).stat()
                yield StoredFile((name,), facts.st_size, datetime.fromtimestamp(facts.st_mtime, UTC))

    def names_in(self, folder: str) -> Iterator[str]:
        """The names of all files in the folder and those in it, one by one: a folder of a million takes no memory.

        Nothing for a folder that is not there. Raises OSError for one that cannot be read.
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


class LocalStorage(TakesFormerFiles, _Folder):
    """The same, which also reads and removes files of the Cloudinary account of before."""

    prefix = IN_FOLDER

    def has_url(self, name: str) -> bool:
        """Whether it is ours: all but a file at Cloudinary."""
        return not is_url(name)

    def url(self, name: str | None) -> str:
        """Where the file is; of our own names without a look at any other storage."""
        return super().url(name) if name and is_url(name) else _Folder.url(self, name)


@cache
def _remove_old_parts(folder: Path) -> None:
    """Once in a process: what killed ones have left."""
    with suppress(OSError):
        for part in folder.iterdir():
            if time.time() - part.stat().st_mtime > PARTS_KEPT_SECONDS:
                part.unlink()
