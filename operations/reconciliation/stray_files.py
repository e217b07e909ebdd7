"""Finds stored files that no row refers to, page by page: memory and queries do not grow with the storage.

A file name holds the id of its row, so a page is compared by primary key. The names that are left are searched for
by name; that reads whole tables, so it is done for many names at once.
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

FOLDERS = ("videos", "inputs", "looks")  # our files; other folders of the storage are not ours
PAGE = 1000  # names compared at a time, by five statements
# At most so many names wait for the search by name, which reads five columns of whole tables (seconds at ten million
# rows). Below SQLite's limit of 32,766 parameters a statement.
UNCLEAR_MAX = 10_000

# Every column that holds the name of a stored file.
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
    """Yield the names that no row refers to and that are not scheduled for removal.

    List the storage before you call this: a file is registered before it is stored, so by then each listed name has a
    row, or never will. `names` may be a generator; it is read a page at a time.
    """
    unclear: list[str] = []
    rest = iter(names)
    while page := list(islice(rest, PAGE)):
        unclear += sorted(set(page) - _known_by_id(page))
        if len(unclear) > UNCLEAR_MAX - PAGE:
            yield from _unknown(unclear)
            unclear = []
    yield from _unknown(unclear)


def stored_names(storage: Storage, *, check_stopped: Callable[[], None] = lambda: None) -> Iterator[str]:
    """Yield the names of all files in our folders; nothing for a storage that does not list.

    Streams them if the storage has a method `names_in(folder)`; otherwise uses Django's `listdir`, folder by folder.
    `check_stopped` is called before every call to the storage, and may raise. Raises what the storage raises.
    """
    names_in: Callable[[str], Iterator[str]] | None = getattr(storage, "names_in", None)
    for folder in FOLDERS:
        if names_in:
            for name in names_in(folder):
                check_stopped()
                yield name
        else:
            yield from _listed(storage, folder, check_stopped)


def _listed(storage: Storage, folder: str, check_stopped: Callable[[], None]) -> Iterator[str]:
    check_stopped()
    try:
        folders, files = storage.listdir(folder)
    except (FileNotFoundError, NotImplementedError):  # nothing stored there yet; or a storage that lists nothing
        return
    for name in files:
        yield f"{folder}/{name}"
    for name in folders:
        yield from _listed(storage, f"{folder}/{name}", check_stopped)


def _known_by_id(names: Iterable[str]) -> set[str]:
    """The names that are scheduled for removal, or that the row with their id refers to."""
    # removals first: a file leaves them only after its row names it
    return _scheduled(names) | names_of_rows(names)


def _scheduled(names: Iterable[str]) -> set[str]:
    """The names scheduled for removal, as files in the folder, too (`move_files`); every file is until it is stored."""
    spellings = [spelling for name in names for spelling in (name, f"{IN_FOLDER}{name}")]
    found = Disposal.objects.filter(name__in=spellings).values_list("name", flat=True)
    return {name.removeprefix(IN_FOLDER) for name in found}


def names_of_rows(names: Iterable[str]) -> set[str]:
    """All file names in the rows whose ids these names hold."""
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
    """The names that no row has, whatever id they hold: an older release or an operator may have chosen them."""
    left = set(names)
    for model, column in NAME_COLUMNS:
        if left:
            rows = model._default_manager.filter(**{f"{column}__in": left})
            left -= set(rows.values_list(column, flat=True))
    left -= _scheduled(left)  # last: a file that its row gave up meanwhile is scheduled
    return [name for name in names if name in left]
