"""Health checks of database, migrations, sweeper, live process, storage, Redis, disks, clock and error reporting."""

import base64
import shutil
import socket
import time
from functools import cache
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.db import DatabaseError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.functions import Now
from django.utils import timezone

from studio.checks import misspelt_settings
from studio.media import disks
from studio.media.storage import FAILED, WRITTEN, media_storage
from studio.models import Heartbeat
from studio.observability import clock_skew, counters, health
from studio.observability.health import Depth, Finding, Health

STALE_SECONDS = 30  # a sweeper beats every five seconds, a live process every ten
FAILURE_SECONDS = 3600  # how long a failed write counts; transfers are retried at least once an hour
CONNECT_SECONDS = 3.0
LEAST_FREE_BYTES = 1024 * 1024  # a job's transaction adds about 100 KiB to SQLite's write-ahead log
ROW_SECONDS = 2.0  # between two rows that a process writes to check that it can
# One grey pixel: a storage service may accept nothing but pictures.
PROBE_NAME = "probe/doctor.png"
PROBE = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg==")
NO_REDIS = "Unknown while Redis is unavailable."
NO_DATABASE = "Unknown while the database is unavailable."


def register_all() -> None:
    """Register the checks that `/readyz` runs and, with a depth, those of `doctor` only."""
    health.register("database", _database, if_late=Health.DOWN)
    health.register("migrations", _migrations, if_late=Health.DOWN)
    health.register("rows", rows, if_late=Health.DOWN)
    health.register("sweeper", sweeper)
    health.register("live", live)
    health.register("redis", _redis)
    health.register("writes", _writes)
    health.register("disk", disk)
    health.register("other disks", _other_disks, depth=Depth.THOROUGH)
    health.register("clock", _clock)
    health.register("storage", _storage, depth=Depth.THOROUGH)
    health.register("reporting", _reporting, depth=Depth.THOROUGH)
    health.register("settings", _settings, depth=Depth.THOROUGH)


def _database() -> Finding:
    kind = connection.vendor
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as exc:
        return Finding(
            Health.DOWN, f"{kind} does not respond: {str(exc).strip().partition(chr(10))[0]}. See DATABASE_URL."
        )
    return Finding(Health.OK, f"{kind} responds.")


_row_written_at = float("-inf")  # monotonic seconds


def rows() -> Finding:
    """Check that a row can be written: a full disk and a read-only database still respond to queries.

    At most every ROW_SECONDS, because frequent probes must not keep SQLite's only writer busy.
    """
    global _row_written_at  # noqa: PLW0603 - one for the process, as its health is
    if connection.vendor == "sqlite" and _is_disk_full():
        return Finding(Health.DOWN, "Soon no row can be written: the disk of the database is full.")
    if time.monotonic() - _row_written_at < ROW_SECONDS:
        return Finding(Health.OK, f"A row was written within the last {ROW_SECONDS:.0f} s.")
    try:
        connection.ensure_connection()
    except DatabaseError:
        return Finding(Health.DOWN, NO_DATABASE)
    try:
        with transaction.atomic():
            Heartbeat.objects.update_or_create(name="readyz", defaults={"beat_at": Now()})
    except DatabaseError as exc:
        reason = str(exc).strip().partition("\n")[0]
        return Finding(Health.DOWN, f"No row can be written: {reason}. Is the disk full, or the database read-only?")
    _row_written_at = time.monotonic()
    return Finding(Health.OK, "A row was written.")


def _is_disk_full() -> bool:
    """Small rows may still fit into SQLite's log, so writing one row proves little."""
    folder = disks.database_folder()
    return folder is not None and shutil.disk_usage(folder).free < LEAST_FREE_BYTES


def disk() -> Finding:
    """Check the free space where this process writes; `rows` and `writes` report a disk that is full."""
    return _room(disks.own())


def _other_disks() -> Finding:
    """Check the disks of workers and other machines, as reported within the last two minutes."""
    try:
        with counters.connect() as client:
            found = disks.reported(client)
    except (redis.RedisError, OSError):
        return Finding(Health.DEGRADED, NO_REDIS)
    others = {key: free for key, free in found.items() if key[0] != disks.host()}
    return _room(others) if others else Finding(Health.OK, "No other machine has reported its disks.")


def _room(found: disks.Free) -> Finding:
    low = [
        f"{place} on {host}: {_mib(free)}"
        for (host, place), free in found.items()
        if free < disks.min_free_bytes(place)
    ]
    if low:
        return Finding(
            Health.DEGRADED,
            f"Nearly full; left: {'; '.join(low)}. Make room (manage.py reconcile, manage.py purge), or get a larger "
            "disk. Once it is full, videos wait and requests are refused.",
        )
    least = min(found.values(), default=0)
    return Finding(Health.OK, f"At least {_mib(least)} are free in each of {', '.join(sorted({p for _, p in found}))}.")


def _mib(size: int) -> str:
    return f"{size // 1024**2:,} MiB"


@cache
def _newest() -> frozenset[tuple[str, str]]:
    """The last migration of each app, read from the files once per process."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).graph.leaf_nodes())


def _migrations() -> Finding:
    """Check with one query: if an app's last migration is applied, so are those before it."""
    newest = _newest()
    try:
        applied = MigrationRecorder.Migration.objects.filter(name__in={name for _, name in newest})
        missing = newest - set(applied.values_list("app", "name"))
    except DatabaseError:
        return Finding(Health.DOWN, "Unknown: the database is unavailable, or manage.py migrate was never run.")
    if missing:
        apps = ", ".join(sorted(app for app, _ in missing))
        return Finding(Health.DOWN, f"Some of {apps} are not applied; run manage.py migrate.")
    return Finding(Health.OK, "All are applied.")


def _redis() -> Finding:
    try:
        with counters.connect() as client:
            client.ping()
    except (redis.RedisError, OSError) as exc:
        reason = str(exc).partition("\n")[0]
        return Finding(
            Health.DEGRADED,
            f"Redis does not respond ({reason}): each step of a job starts some seconds later. See REDIS_URL.",
        )
    return Finding(Health.OK, "Redis responds.")


def sweeper() -> Finding:
    """Check that the sweeper, which polls every unfinished job, is alive."""
    never = Finding(Health.DEGRADED, "It has never run; start manage.py sweep.")
    return _alive("sweeper", command="manage.py sweep", never=never)


def live() -> Finding:
    """Check that the live process is alive where one has run; without it clients poll."""
    never = Finding(Health.OK, "It has never run here: clients poll.")
    return _alive("live", command="manage.py live; meanwhile clients poll", never=never)


def _alive(name: str, *, command: str, never: Finding) -> Finding:
    try:
        beat = Heartbeat.objects.filter(name=name).first()
    except DatabaseError:
        return Finding(Health.DEGRADED, NO_DATABASE)
    if beat is None:
        return never
    age = (timezone.now() - beat.beat_at).total_seconds()
    if age < -STALE_SECONDS:  # a running process would have left a newer one
        return Finding(Health.DEGRADED, "Its last sign of life is in the future: the clock was set back.")
    if age > STALE_SECONDS:
        return Finding(Health.DEGRADED, f"Its last sign of life is {age:.0f} s old; start {command}.")
    return Finding(Health.OK, "It is alive.")


def _writes() -> Finding:
    """Check the result of the last write to the storage by any process; a write of our own would cost an upload."""
    try:
        with counters.connect() as client:
            marks = counters.marks(client)
    except (redis.RedisError, OSError):
        return Finding(Health.DEGRADED, NO_REDIS)
    failed, written = marks.get(FAILED, 0), marks.get(WRITTEN, 0)
    age = time.time() - failed
    if failed > written and age < FAILURE_SECONDS:
        return Finding(Health.DEGRADED, f"The last write to the storage failed, {age:.0f} s ago; see manage.py doctor.")
    return Finding(Health.OK, "The last file was stored." if written else "No file was stored yet.")


def _clock() -> Finding:
    try:
        return clock_skew.finding()
    except DatabaseError:
        return Finding(Health.DEGRADED, NO_DATABASE)


def _storage() -> Finding:
    """Write, read and remove a file."""
    storage = media_storage()
    kind = storage.__class__.__name__  # type() would name the lazy wrapper of the default storage
    try:
        name = storage.save(PROBE_NAME, ContentFile(PROBE))
        with storage.open(name) as file:
            is_same = bytes(file.read()) == PROBE
        storage.delete(name)
    except Exception as exc:  # a storage backend raises whatever its vendor raises
        variable = "DATA_DIR" if isinstance(storage, FileSystemStorage) else "CLOUDINARY_URL"
        return Finding(Health.DOWN, f"{kind} fails to write or read: {exc}. See {variable}.")
    return Finding(
        Health.OK if is_same else Health.DOWN,
        f"{kind} " + ("works." if is_same else "returns other bytes."),
    )


def _settings() -> Finding:
    misspelt = misspelt_settings()
    if misspelt:
        meant = ", ".join(f"{name} (is {other} meant?)" for name, other in misspelt)
        return Finding(Health.DEGRADED, f"Unknown settings, without effect: {meant}.")
    return Finding(Health.OK, "No variable is misspelt.")


def _reporting() -> Finding:
    """Check that the servers for errors and traces accept connections; sends them nothing."""
    servers = {"Sentry": settings.SENTRY_DSN, "OpenTelemetry": settings.OTEL_EXPORTER_OTLP_ENDPOINT}
    used = {name: url for name, url in servers.items() if url}
    if not used:
        return Finding(
            Health.OK, "Errors and traces stay in the log. To send them: SENTRY_DSN, OTEL_EXPORTER_OTLP_ENDPOINT."
        )
    unreachable = [name for name, url in used.items() if not _is_reached(url)]
    if unreachable:
        return Finding(Health.DEGRADED, f"{' and '.join(unreachable)} cannot be reached; nothing waits for them.")
    return Finding(Health.OK, f"Reached: {', '.join(used)}.")


def _is_reached(url: str) -> bool:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=CONNECT_SECONDS):
            return True
    except OSError:
        return False
