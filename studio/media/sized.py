"""Smaller copies of stored pictures, for pages: a storage service makes them itself, for the local folder we do.

A copy is made when it is first requested, and kept in the folder `sized` until its picture is removed. Making them at
the upload would cost every upload; most pictures are never on a page.
"""

from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import Storage

from studio.media.images import EXTENSIONS, smaller
from studio.media.storage.local import SIZED, LocalStorage

# The longer side in pixels: a product, a phone, a wide screen, and the picture of a link's preview (JPEG; chat services
# document no size, and show 1200 px at most).
SMALL, MEDIUM, LARGE, PREVIEW = 480, 960, 1600, 1200
KIND_OF = {SMALL: "WEBP", MEDIUM: "WEBP", LARGE: "WEBP", PREVIEW: "JPEG"}
EXTENSION_OF = {side: EXTENSIONS[kind] for side, kind in KIND_OF.items()}


def folder() -> LocalStorage:
    """The storage of the copies."""
    return LocalStorage(allow_overwrite=True)


def copy_of(*, storage: Storage, name: str, side: int) -> str:
    """The name, in `folder`, of a copy of a picture on our disk; makes it where it is missing. Two may do so at once.

    `side` is one of KIND_OF. Raises FileNotFoundError, ImagesBusy, and BadImage for a file that we did not store.
    """
    kind: Any = KIND_OF[side]
    copy = f"{SIZED}/{name}-{side}.{EXTENSION_OF[side]}"
    copies = folder()
    if copies.exists(copy):
        return copy
    with storage.open(name) as file:
        made = smaller(file.read(), kind=kind, side=side)
    copies.save(copy, ContentFile(made.data))
    if not storage.exists(name):  # removed meanwhile, and its copies before this one
        copies.delete(copy)
        raise FileNotFoundError(name)
    return copy
