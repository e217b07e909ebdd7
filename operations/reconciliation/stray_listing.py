"""Lists stored files that no row refers to, with size and date: for an operator, after a restore."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from django.core.exceptions import SuspiciousFileOperation

from operations.reconciliation.stray_files import FOLDERS, PAGE, names_of_rows, stray_names
from studio.media.storage import media_storage
from studio.media.storage.base import StoredFile


def stray_files() -> Iterator[StoredFile]:
    """Yield the current storage's files that no row refers to and that are not scheduled for removal.

    Reads and compares a page at a time, so memory does not grow with the storage. Raises what the storage raises.
    """
    storage: Any = media_storage()
    files = (file for folder in FOLDERS for file in storage.files_in(folder))
    # a row may hold a Cloudinary URL with another version: compare by the name that the file was saved as
    key: Callable[[str], str] = getattr(storage, "saved_as", str)
    while page := list(islice(files, PAGE)):
        strays = set(stray_names([name for file in page for name in file.names]))
        left = [file for file in page if strays.issuperset(file.names)]
        known = {_key(name, key) for name in names_of_rows([name for file in left for name in file.names]) if name}
        yield from (file for file in left if not known.intersection(_key(name, key) for name in file.names))


def _key(name: str, key: Callable[[str], str]) -> str:
    try:
        return key(name)
    except SuspiciousFileOperation:  # a file of another account, or a name of another kind
        return name
