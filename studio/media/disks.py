"""Free space on the disks of this process, and on those that other machines have reported.

Every process with counters reports its folders to Redis every 30 s (`studio.observability.counters`), so that
`/metrics` and `doctor` also show the disks of the workers. The free space of a PostgreSQL server is unknown here; the
size of its database is not.
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

# Below this a disk is nearly full. A media worker downloads 16 videos at once (MEDIA_THREADS), each to its work folder
# and then to the storage; at 50 MB, more than any video of 8 s so far, that is 1.6 GB. The rest is for database logs.
LOW_BYTES = 2 * 1024**3
# The folder for temporary files only receives uploads: the largest request (52 MiB) and some. It may be a small tmpfs.
LOW_TEMPORARY_BYTES = 64 * 1024**2
TEMPORARY = "temporary"
KNOWN_SECONDS = 120  # an older report is from a machine that is gone; the others report every 30 s
REPORTS = "studio:{metrics}:disks"  # a hash: JSON of host and place, JSON of free bytes and seconds since 1970

Free = dict[tuple[str, str], int]  # bytes, by host and place


def places() -> dict[str, Path]:
    """The folders that this process may write to, by purpose."""
    found = {"data": settings.DATA_DIR, "work": settings.WORK_DIR, TEMPORARY: Path(tempfile.gettempdir())}
    if isinstance(media_storage(), FileSystemStorage):
        found["media"] = Path(settings.MEDIA_ROOT)
    if folder := database_folder():
        found["database"] = folder
    return found


def database_folder() -> Path | None:
    """The folder of SQLite's file; None for a server, an in-memory database or a URI."""
    if settings.DATABASES["default"]["ENGINE"] != "django.db.backends.sqlite3":
        return None
    folder = Path(connection.settings_dict["NAME"]).parent
    return folder if folder.is_dir() else None


def own() -> Free:
    """Free bytes in this process's folders; omits a folder that cannot be read."""
    return {(host(), place): free for place, path in places().items() if (free := _free(path)) is not None}


def _free(path: Path) -> int | None:
    """Free bytes on the path's file system; a folder that does not exist yet counts as its parent."""
    for folder in (path, *path.parents):
        try:
            return shutil.disk_usage(folder).free
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


def min_free_bytes(place: str) -> int:
    """Free bytes below which the place is nearly full."""
    return LOW_TEMPORARY_BYTES if place == TEMPORARY else LOW_BYTES


@cache
def host() -> str:
    """The name of this machine or container."""
    return socket.gethostname()


def report(client: Any) -> None:
    """Report the disks of this process to the others. Raises RedisError."""
    now = time.time()
    client.hset(REPORTS, mapping={json.dumps(key): json.dumps([free, now]) for key, free in own().items()})


def reported(client: Any) -> Free:
    """The current reports of all machines; deletes outdated ones. Raises RedisError."""
    found: Free = {}
    outdated = []
    for field, value in client.hgetall(REPORTS).items():
        free, at = json.loads(value)
        if time.time() - at > KNOWN_SECONDS:
            outdated.append(field)
        else:
            machine, place = json.loads(field)
            found[machine, place] = free
    if outdated:
        client.hdel(REPORTS, *outdated)
    return found


def database_bytes() -> int:
    """The size of the database in bytes. Raises DatabaseError."""
    sql = (
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        if connection.vendor == "sqlite"
        else "SELECT pg_database_size(current_database())"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.fetchone()[0])


counters.report_regularly(report)
