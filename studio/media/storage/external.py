"""External files: stored by another system that may still use them, so we show and read them, but never remove them.

The name of an external file is the prefix `elsewhere:` and its URL. All our storages accept these names. The files
are read from the hosts in `EXTERNAL_FILE_HOSTS` only: a URL in the database must not reach this server's own network.
"""

import io
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files import File
from django.core.files.storage import Storage

from studio.media.storage.base import FileMissing, StorageError, Timeouts
from studio.media.storage.remote import RemoteFile, remote_size

PREFIX = "elsewhere:"  # stored in rows
TIMEOUTS = Timeouts()
READ_BYTES = 64 * 1024


def name_at(url: str) -> str:
    """The name of the external file at the URL."""
    return f"{PREFIX}{url}"


def url_of(name: str | None) -> str:
    """The URL of an external file; "" for any other name."""
    return name.removeprefix(PREFIX) if name and name.startswith(PREFIX) else ""


def is_readable(url: str) -> bool:
    """Whether EXTERNAL_FILE_HOSTS allows the URL, by its host over https or by its origin."""
    try:
        parts = urlsplit(url)
    except ValueError:  # an invalid address in brackets
        return False
    origin = f"{parts.scheme}://{parts.netloc.lower()}"
    return origin in {host if "://" in host else f"https://{host}" for host in settings.EXTERNAL_FILE_HOSTS}


class ExternalFilesMixin(Storage):
    """Makes a storage accept the names of external files, too."""

    def url(self, name: str | None) -> str:
        return url_of(name) or super().url(name)

    def exists(self, name: str) -> bool:
        """Whether the file can be read. Raises StorageError."""
        if not url_of(name):
            return super().exists(name)
        try:
            return self.size(name) >= 0
        except FileMissing:
            return False

    def size(self, name: str) -> int:
        """The size of the file in bytes. Raises StorageError."""
        return remote_size(_readable(name), TIMEOUTS) if url_of(name) else super().size(name)

    def delete(self, name: str) -> None:
        """Remove the file; does nothing for an external one."""
        if not url_of(name):
            super().delete(name)

    def path(self, name: str) -> str:
        """The path on our disk. Raises SuspiciousFileOperation for an external file."""
        if url_of(name):
            raise SuspiciousFileOperation(f"{name!r} is not on this disk")
        return super().path(name)

    def open(self, name: str, mode: str = "rb") -> "File[Any]":
        """Open the file; an external one for reading, which raises FileMissing or StorageError."""
        if not url_of(name):
            return super().open(name, mode)
        return File(io.BufferedReader(RemoteFile(_readable(name), TIMEOUTS), READ_BYTES), name=name)


def _readable(name: str) -> str:
    url = url_of(name)
    if not is_readable(url):
        raise StorageError(f"{url} is on a host that EXTERNAL_FILE_HOSTS does not name", retryable=False)
    return url
