"""Files kept in a folder of this machine."""

import os
import re
from collections.abc import Iterator

from django.core.files.storage import FileSystemStorage

from studio.storage import elsewhere
from studio.storage.elsewhere import TakesFilesElsewhere

_PLAIN = re.compile(r"\w[\w-]*(?:[./][\w-]+)*", re.ASCII)  # nothing in it that a URL would spell in another way


class LocalStorage(TakesFilesElsewhere, FileSystemStorage):
    """Django's own, with the URLs of our names made without parsing any: a page of jobs shows dozens."""

    def url(self, name: str | None) -> str:
        """Where the site serves the file."""
        if name and self.base_url and _PLAIN.fullmatch(name):
            return f"{self.base_url}{name}"
        return super().url(name)

    def attachment_url(self, name: str, file_name: str) -> str:
        """The URL at which a browser saves the file, under its stored name."""
        return elsewhere.url_of(name) or f"{self.url(name)}?download=1"

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
