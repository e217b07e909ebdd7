"""Files that are still in the previous storage after `CLOUDINARY_URL` was set or unset (see `manage.py move_files`).

A name determines the place of its file. A URL is at Cloudinary. A plain name (`videos/1.mp4`) is in the folder
`DATA_DIR/media` if that has it, else in the current storage. So files are read and removed where they are.
`STORAGES["previous"]` is the previous storage.
"""

from datetime import datetime
from typing import Any

from django.core.files import File
from django.core.files.storage import InvalidStorageError, Storage, storages

from studio.media.storage import external
from studio.media.storage.base import StorageError

# Prefixes for the storage that a removal is for: after a move, the file and its copy share a plain name.
IN_FOLDER, AT_CLOUDINARY = "local:", "cloudinary:"


def previous_storage() -> Storage | None:
    """The previous storage, if the settings have one."""
    try:
        return storages["previous"]
    except InvalidStorageError:
        return None


def is_url(name: str) -> bool:
    """Whether the name is that of a file at Cloudinary."""
    return name.startswith(("https://", "http://"))


class PreviousStorageMixin(Storage):
    """Makes a storage read and remove files of the previous storage, too."""

    prefix = ""  # of removals from this storage

    def has_url(self, name: str) -> bool:
        """Whether this storage, not the previous one, delivers the file."""
        raise NotImplementedError

    def _locate(self, name: str) -> tuple[Storage | None, str]:
        """The previous storage if it has the file, and the name to use.

        Without a previous storage, a Cloudinary URL is read as an external file.
        """
        if self.has_url(name):
            return None, name
        previous = previous_storage()
        if previous is None and is_url(name):
            return None, external.name_at(name)
        return previous, name

    def url(self, name: str | None) -> str:
        previous, name = self._locate(name or "")
        return previous.url(name) if previous else super().url(name)

    def attachment_url(self, name: str, file_name: str) -> str:
        previous, name = self._locate(name)
        storage: Any = previous or super()
        url: str = storage.attachment_url(name, file_name)
        return url

    def exists(self, name: str) -> bool:
        previous, name = self._locate(name)
        return previous.exists(name) if previous else super().exists(name)

    def size(self, name: str) -> int:
        previous, name = self._locate(name)
        return previous.size(name) if previous else super().size(name)

    def path(self, name: str) -> str:
        previous, name = self._locate(name)
        return previous.path(name) if previous else super().path(name)

    def get_modified_time(self, name: str) -> datetime:
        previous, name = self._locate(name)
        return previous.get_modified_time(name) if previous else super().get_modified_time(name)

    def open(self, name: str, mode: str = "rb") -> "File[Any]":
        previous, name = self._locate(name)
        return previous.open(name, mode) if previous else super().open(name, mode)

    def delete(self, name: str) -> None:
        """Remove the file from the storage that has it.

        Raises StorageError, so that the removal is retried later, if the settings no longer name that storage.
        """
        prefix = next((prefix for prefix in (IN_FOLDER, AT_CLOUDINARY) if name.startswith(prefix)), "")
        plain = name.removeprefix(prefix)
        if prefix == self.prefix or (not prefix and self.has_url(name)):
            super().delete(plain)
            return
        previous = previous_storage()
        if previous is None:
            raise StorageError(
                f"{plain} is in a storage that the settings do not name; see CLOUDINARY_PREVIOUS_URL", retryable=True
            )
        previous.delete(plain)
        if not prefix and not is_url(name):  # it may also be the name of a failed upload to this storage
            super().delete(name)
