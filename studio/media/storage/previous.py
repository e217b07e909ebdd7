"""Files in the storage that the setting does not name, while `manage.py move_files` has not brought them over.

A name says where its file is. A URL is at Cloudinary. A plain name (`videos/1.mp4`) is in the folder `DATA_DIR/media`
if that has it, and otherwise in the storage that the setting names. So rows of before a change of `CLOUDINARY_URL` are
read and removed where their files are. `STORAGES["former"]` is that other storage.
"""

from datetime import datetime
from typing import Any

from django.core.files import File
from django.core.files.storage import InvalidStorageError, Storage, storages

from studio.media.storage import external
from studio.media.storage.base import StorageError

# How the name of a removal begins where the rest of it does not say which storage is meant: a file and its copy in the
# other storage have the same plain name.
IN_FOLDER, AT_CLOUDINARY = "local:", "cloudinary:"


def former_storage() -> Storage | None:
    """The storage of before, where the settings have one."""
    try:
        return storages["former"]
    except InvalidStorageError:
        return None


def is_url(name: str) -> bool:
    """Whether this is the name of a file at Cloudinary."""
    return name.startswith(("https://", "http://"))


class TakesFormerFiles(Storage):
    """What makes a storage read and remove files of the other one, too."""

    prefix = ""  # of removals from this very storage

    def has_url(self, name: str) -> bool:
        """Whether a file of this name is delivered here, and not by the former storage."""
        raise NotImplementedError

    def _placed(self, name: str) -> tuple[Storage | None, str]:
        """The former storage where that has the file, and the name to use.

        A URL without an account of ours is read as any client would, from the hosts in EXTERNAL_FILE_HOSTS.
        """
        if self.has_url(name):
            return None, name
        former = former_storage()
        if former is None and is_url(name):
            return None, external.name_at(name)
        return former, name

    def url(self, name: str | None) -> str:
        """Where the file is."""
        former, name = self._placed(name or "")
        return former.url(name) if former else super().url(name)

    def attachment_url(self, name: str, file_name: str) -> str:
        """The URL at which a browser saves the file."""
        former, name = self._placed(name)
        place: Any = former or super()
        url: str = place.attachment_url(name, file_name)
        return url

    def exists(self, name: str) -> bool:
        """Whether it is there."""
        former, name = self._placed(name)
        return former.exists(name) if former else super().exists(name)

    def size(self, name: str) -> int:
        """Its length in bytes."""
        former, name = self._placed(name)
        return former.size(name) if former else super().size(name)

    def path(self, name: str) -> str:
        """The place on our disk."""
        former, name = self._placed(name)
        return former.path(name) if former else super().path(name)

    def get_modified_time(self, name: str) -> datetime:
        """When it was written."""
        former, name = self._placed(name)
        return former.get_modified_time(name) if former else super().get_modified_time(name)

    def open(self, name: str, mode: str = "rb") -> "File[Any]":
        """The file."""
        former, name = self._placed(name)
        return former.open(name, mode) if former else super().open(name, mode)

    def delete(self, name: str) -> None:
        """Remove the file from the storage that has it.

        Raises StorageError where the settings do not name that storage any more: the removal is tried again later.
        """
        begins = next((prefix for prefix in (IN_FOLDER, AT_CLOUDINARY) if name.startswith(prefix)), "")
        plain = name.removeprefix(begins)
        if begins == self.prefix or (not begins and self.has_url(name)):
            super().delete(plain)
            return
        former = former_storage()
        if former is None:
            raise StorageError(
                f"{plain} is in a storage that the settings do not name; see CLOUDINARY_PREVIOUS_URL", retryable=True
            )
        former.delete(plain)
        if not begins and not is_url(name):  # it may be the name of an upload to here, too, that came to nothing
            super().delete(name)
