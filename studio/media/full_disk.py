"""Tells a full disk from other failures, wherever it shows: stored files, files of a request, or the database."""

import errno

from studio.errors import Unavailable

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
SQLITE_FULL = 13  # sqlite.org/rescode.html: "database or disk is full"
DISK_FULL = "53100"  # PostgreSQL's SQLSTATE disk_full


class StorageFull(Unavailable):
    """A disk is full. 503 and not 507: libraries of clients know 503 with `Retry-After`, and few know 507 at all."""

    code = "storage_full"
    message = "There is no room on the server to store this. Please try again later."
    retry_after_seconds = 60  # a person has to make room


def is_full(exc: BaseException) -> bool:
    """Whether the failure, or what it was raised from, is that of a full disk, or of a used-up quota of one."""
    one: BaseException | None = exc
    while one is not None:
        if isinstance(one, OSError) and one.errno in FULL:
            return True
        if getattr(one, "sqlite_errorcode", None) == SQLITE_FULL or getattr(one, "sqlstate", None) == DISK_FULL:
            return True
        one = one.__cause__
    return False
