"""Free space where this system writes: of this process's own disks, and of those that other machines have reported.

Every process that counts reports its folders to Redis every 30 s (`studio.observability.counters`), so that
`/metrics` and `doctor` show the disks of the workers, too. The disk of a PostgreSQL server cannot be read from here;
its database's size can.
"""

import json
import shutil
import socket
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.db import connection

from studio.media.storage import media_storage
from studio.observability import counters

# Below this a disk is nearly full. A media worker fetches 16 videos at once (MEDIA_THREADS), each once in its work
# folder and once in the storage; at 50 MB, more than any of 8 s has had, that is 1.6 GB. The rest is for the log of a
# database.
LOW_BYTES = 2 * 1024**3
# The folder for temporary files only takes uploads in: the largest request (52 MiB) and some. It may be a small tmpfs.
LOW_TEMPORARY_BYTES = 64 * 1024**2
TEMPORARY = "temporary"
KNOWN_SECONDS = 120  # a report that is older belongs to a machine that is gone; a living one reports every 30 s
REPORTS = "studio:{metrics}:disks"  # a hash: JSON of host and place, JSON of free bytes and seconds since 1970

Free = dict[tuple[str, str], int]  # bytes, by host and place


def places() -> dict[str, Path]:
    """The folders that this process may write to, by what they are for."""
    found = {"data": settings.DATA_DIR, "work": settings.WORK_DIR, TEMPORARY: Path(tempfile.gettempdir())}
    if isinstance(media_storage(), FileSystemStorage):
        found["media"] = Path(settings.MEDIA_ROOT)
    if folder := database_folder():
        found["database"] = folder
    return found


def database_folder() -> Path | None:
    """The folder of SQLite's file; None for a server, and for a database in memory or behind a URI."""
    if settings.DATABASES["default"]["ENGINE"] != "django.db.backends.sqlite3":
        return None
    folder = Path(connection.settings_dict["NAME"]).parent
    return folder if folder.is_dir() else None


def own() -> Free:
    """What is free in this process's folders; a folder that cannot be asked is left out."""
    return {(host(), place): free for place, path in places().items() if (free := _free(path)) is not None}


def _free(path: Path) -> int | None:
    """Bytes that this account may still write on the path's file system; a folder to come is its parent's."""
    for folder in (path, *path.parents):
        try:
            return shutil.disk_usage(folder).free
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


def least(place: str) -> int:
    """Free bytes below which the place is nearly full."""
    return LOW_TEMPORARY_BYTES if place == TEMPORARY else LOW_BYTES


@cache
def host() -> str:
    """This machine's, or container's, name."""
    return socket.gethostname()


def report(client: Any) -> None:
    """Leave word of this process's disks for the others. Raises RedisError."""
    now = time.time()
    client.hset(REPORTS, mapping={json.dumps(key): json.dumps([free, now]) for key, free in own().items()})


def reported(client: Any) -> Free:
    """What processes on all machines have reported just now; what is older is forgotten. Raises RedisError."""
    found: Free = {}
    old = []
    for field, said in client.hgetall(REPORTS).items():
        free, at = json.loads(said)
        if time.time() - at > KNOWN_SECONDS:
            old.append(field)
        else:
            machine, place = json.loads(field)
            found[machine, place] = free
    if old:
        client.hdel(REPORTS, *old)
    return found


def database_bytes() -> int:
    """How large the database is. Raises DatabaseError."""
    sql = (
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        if connection.vendor == "sqlite"
        else "SELECT pg_database_size(current_database())"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.fetchone()[0])


counters.report_regularly(report)
