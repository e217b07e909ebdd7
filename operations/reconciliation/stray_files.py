"""Finds files of the storage that no row refers to, page by page: memory and queries do not grow with the storage.

A name holds the id of the row that it was made for, so a page is compared by primary keys. What that leaves is looked
for by name, which reads whole tables, and is done for many names at once.
"""

import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from django.core.files.storage import Storage
from django.db import models

from looks.models import Look, Product
from studio.media.storage.previous import IN_FOLDER
from studio.models import Disposal
from videos.models import JobInput, VideoJob

FOLDERS = ("videos", "inputs", "looks")  # what we name files after; others in the storage are not ours
PAGE = 1000  # names compared at a time, by five statements
# Names at most that wait for the search by name, which reads five columns of whole tables (seconds at ten million
# rows). Below SQLite's limit of 32,766 parameters a statement.
UNCLEAR_MAX = 10_000

# Every column that names a stored file of a row.
NAME_COLUMNS: tuple[tuple[type[models.Model], str], ...] = (
    (VideoJob, "video"),
    (VideoJob, "poster"),
    (JobInput, "file_name"),
    (Look, "image"),
    (Look, "thumbnail"),
    (Product, "thumbnail"),
)
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def stray_names(names: Iterable[str]) -> Iterator[str]:
    """Those of the stored names that no row refers to, and that wait for no removal.

    The names must have been read from the storage before: a file is registered before it is stored, so each has a row
    by then, or never will. `names` may be a generator; it is read a page at a time.
    """
    unclear: list[str] = []
    rest = iter(names)
    while page := list(islice(rest, PAGE)):
        unclear += sorted(set(page) - _known_by_id(page))
        if len(unclear) > UNCLEAR_MAX - PAGE:
            yield from _unknown(unclear)
            unclear = []
    yield from _unknown(unclear)


def stored_names(storage: Storage, *, go_on: Callable[[], None] = lambda: None) -> Iterator[str]:
    """The names of all files in our folders; nothing for a storage that does not list.

    Streamed where the storage has a method `names_in(folder)`, else folder by folder with Django's `listdir`. `go_on`
    is called before every call to the storage, and may raise. Raises what the storage raises.
    """
    names_in: Callable[[str], Iterator[str]] | None = getattr(storage, "names_in", None)
    for folder in FOLDERS:
        if names_in:
            for name in names_in(folder):
                go_on()
                yield name
        else:
            yield from _listed(storage, folder, go_on)


def _listed(storage: Storage, folder: str, go_on: Callable[[], None]) -> Iterator[str]:
    go_on()
    try:
        folders, files = storage.listdir(folder)
    except (FileNotFoundError, NotImplementedError):  # nothing stored there yet; or a storage that lists nothing
        return
    for name in files:
        yield f"{folder}/{name}"
    for name in folders:
        yield from _listed(storage, f"{folder}/{name}", go_on)


def _known_by_id(names: Iterable[str]) -> set[str]:
    """Those that wait for removal, or that the row whose id they hold refers to."""
    # first: what is taken from there meanwhile is in its row before
    return _waiting(names) | names_of_rows(names)


def _waiting(names: Iterable[str]) -> set[str]:
    """Those that wait for removal, also as files of the folder (`move_files`): before they are stored, all do."""
    spellings = [spelling for name in names for spelling in (name, f"{IN_FOLDER}{name}")]
    found = Disposal.objects.filter(name__in=spellings).values_list("name", flat=True)
    return {name.removeprefix(IN_FOLDER) for name in found}


def names_of_rows(names: Iterable[str]) -> set[str]:
    """All names of files in the rows whose ids these names hold."""
    ids = {uuid.UUID(found) for name in names for found in _ID.findall(name)}
    known: set[str] = set()
    rows = (
        VideoJob.objects.filter(pk__in=ids).values_list("video", "poster"),
        JobInput.objects.filter(job_id__in=ids).values_list("file_name"),
        Look.objects.filter(pk__in=ids).values_list("image", "thumbnail"),
        Product.objects.filter(look_id__in=ids).values_list("thumbnail"),
    )
    for found in rows:
        known.update(*found)
    return known


def _unknown(names: list[str]) -> list[str]:
    """Those that no row has, whatever ids they hold: names from before, or that an operator wrote by hand."""
    left = set(names)
    for model, column in NAME_COLUMNS:
        if left:
            rows = model._default_manager.filter(**{f"{column}__in": left})
            left -= set(rows.values_list(column, flat=True))
    left -= _waiting(left)  # last: what a row has given up meanwhile is there
    return [name for name in names if name in left]
