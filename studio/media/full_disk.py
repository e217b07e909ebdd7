"""Recognises a full disk among the errors of stored files, uploads and the database."""

import errno

from studio.errors import Unavailable

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
SQLITE_FULL = 13  # sqlite.org/rescode.html: "database or disk is full"
DISK_FULL = "53100"  # PostgreSQL's SQLSTATE disk_full


class StorageFull(Unavailable):
    """A disk is full. 503, not 507: client libraries handle 503 with `Retry-After`, and few know 507."""

    code = "storage_full"
    message = "There is no room on the server to store this. Please try again later."
    retry_after_seconds = 60  # staff have to make room


def is_full(exc: BaseException) -> bool:
    """Whether the exception or one of its causes is a full disk or an exhausted disk quota."""
    one: BaseException | None = exc
    while one is not None:
        if isinstance(one, OSError) and one.errno in FULL:
            return True
        if getattr(one, "sqlite_errorcode", None) == SQLITE_FULL or getattr(one, "sqlstate", None) == DISK_FULL:
            return True
        one = one.__cause__
    return False
