"""Files that are shown and read here, and are not ours to remove: what another system stored, and still uses or shares.

The name of such a file is `elsewhere:` and its URL. Every storage of ours takes these names besides its own. They are
read from the hosts in `EXTERNAL_FILE_HOSTS` only: a URL from a table must not lead this server into its own network.
"""

import io
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files import File
from django.core.files.storage import Storage

from studio.media.storage.base import FileMissing, Patience, StorageError
from studio.media.storage.delivery import DeliveredFile, size_at

PREFIX = "elsewhere:"
PATIENCE = Patience()
READ_BYTES = 64 * 1024


def name_at(url: str) -> str:
    """The name of the file at the URL."""
    return f"{PREFIX}{url}"


def url_of(name: str | None) -> str:
    """Where the file is; "" for a name of another kind."""
    return name.removeprefix(PREFIX) if name and name.startswith(PREFIX) else ""


def is_readable(url: str) -> bool:
    """Whether files may be read from there: by https from a host that the settings name, or from an origin there."""
    try:
        parts = urlsplit(url)
    except ValueError:  # an address in brackets that is none
        return False
    origin = f"{parts.scheme}://{parts.netloc.lower()}"
    return origin in {host if "://" in host else f"https://{host}" for host in settings.EXTERNAL_FILE_HOSTS}


class TakesFilesElsewhere(Storage):
    """What makes a storage take these names, too."""

    def url(self, name: str | None) -> str:
        """Where the file is."""
        return url_of(name) or super().url(name)

    def exists(self, name: str) -> bool:
        """Whether it is delivered. Raises StorageError."""
        if not url_of(name):
            return super().exists(name)
        try:
            return self.size(name) >= 0
        except FileMissing:
            return False

    def size(self, name: str) -> int:
        """Its length in bytes. Raises StorageError."""
        return size_at(_readable(name), PATIENCE) if url_of(name) else super().size(name)

    def delete(self, name: str) -> None:
        """Remove the file, where it is ours."""
        if not url_of(name):
            super().delete(name)

    def path(self, name: str) -> str:
        """The place on our disk. Raises SuspiciousFileOperation for a file that is elsewhere."""
        if url_of(name):
            raise SuspiciousFileOperation(f"{name!r} is not on this disk")
        return super().path(name)

    def open(self, name: str, mode: str = "rb") -> "File[Any]":
        """The file, for reading where it is elsewhere; reading raises FileMissing or StorageError."""
        if not url_of(name):
            return super().open(name, mode)
        return File(io.BufferedReader(DeliveredFile(_readable(name), PATIENCE), READ_BYTES), name=name)


def _readable(name: str) -> str:
    url = url_of(name)
    if not is_readable(url):
        raise StorageError(f"{url} is on a host that EXTERNAL_FILE_HOSTS does not name", retryable=False)
    return url
