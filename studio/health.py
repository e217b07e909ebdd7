"""Is all well? Checks that the apps register, answered to load balancers (`/healthz`, `/readyz`) and to `doctor`."""

import base64
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import redis
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from studio.models import Heartbeat
from studio.storage import media_storage

logger = logging.getLogger(__name__)

STALE_SECONDS = 30  # a sweeper beats every five
# A picture, because a storage service may take nothing else: one grey pixel.
PROBE_NAME = "probe/doctor.png"
PROBE = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg==")


class Health(IntEnum):
    """How bad it is."""

    OK = 0
    DEGRADED = 1  # requests are answered, but something waits or fails
    DOWN = 2  # requests cannot be answered


@dataclass(frozen=True)
class Finding:
    """What a check has found, in a sentence for an operator."""

    health: Health
    sentence: str


Check = Callable[[], Finding]
_quick: dict[str, Check] = {}
_thorough: dict[str, Check] = {}


def register(name: str, check: Check, *, is_quick: bool) -> None:
    """Add a check. Quick ones stay within milliseconds and answer `/readyz`; `doctor` runs all of them."""
    (_quick if is_quick else _thorough)[name] = check


def examine(*, thoroughly: bool) -> dict[str, Finding]:
    """Run the checks; one that raises has found that it is down."""
    return {name: _run(check) for name, check in (_quick | (_thorough if thoroughly else {})).items()}


def _run(check: Check) -> Finding:
    try:
        return check()
    except Exception as exc:  # the edge: whatever broke is what the check is there to tell
        logger.warning("health check failed", exc_info=True)
        return Finding(Health.DOWN, f"The check itself failed: {type(exc).__name__}.")


def healthz(request: HttpRequest) -> JsonResponse:
    """Alive: this process answers. Says nothing about what it depends on."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Ready to take requests: 200, also when degraded; 503 when not."""
    findings = examine(thoroughly=False)
    worst = max(finding.health for finding in findings.values())
    checks = {
        name: {"status": finding.health.name.lower(), "detail": finding.sentence} for name, finding in findings.items()
    }
    body = {"status": {Health.OK: "ready", Health.DEGRADED: "degraded", Health.DOWN: "unready"}[worst]}
    return JsonResponse(body | {"checks": checks}, status=503 if worst == Health.DOWN else 200)


def _database() -> Finding:
    kind = connection.vendor
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as exc:
        return Finding(
            Health.DOWN, f"{kind} does not answer: {str(exc).strip().partition(chr(10))[0]}. See DATABASE_URL."
        )
    return Finding(Health.OK, f"{kind} answers.")


def _migrations() -> Finding:
    try:
        executor = MigrationExecutor(connection)
    except DatabaseError:
        return Finding(Health.DOWN, "Cannot be told while the database is away.")
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        return Finding(Health.DOWN, f"{len(missing)} are not applied; run manage.py migrate.")
    return Finding(Health.OK, "All are applied.")


def _redis() -> Finding:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1) as client:
            client.ping()
    except (redis.RedisError, OSError) as exc:
        reason = str(exc).partition("\n")[0]
        return Finding(Health.DEGRADED, f"Redis does not answer ({reason}): new jobs wait. See REDIS_URL.")
    return Finding(Health.OK, "Redis answers.")


def sweeper() -> Finding:
    """Whether the process that looks at every live job is alive."""
    try:
        beat = Heartbeat.objects.filter(name="sweeper").first()
    except DatabaseError:
        return Finding(Health.DEGRADED, "Cannot be told while the database is away.")
    if beat is None:
        return Finding(Health.DEGRADED, "It has never run; start manage.py sweep.")
    age = (timezone.now() - beat.beat_at).total_seconds()
    if age > STALE_SECONDS:
        return Finding(Health.DEGRADED, f"Its last sign of life is {age:.0f} s old; start manage.py sweep.")
    return Finding(Health.OK, "It is alive.")


def _storage() -> Finding:
    """A file written, read and removed."""
    storage = media_storage()
    kind = type(getattr(storage, "_wrapped", storage)).__name__  # the default one is lazy
    try:
        name = storage.save(PROBE_NAME, ContentFile(PROBE))
        with storage.open(name) as file:
            is_same = bytes(file.read()) == PROBE
        storage.delete(name)
    except Exception as exc:  # a storage backend raises what its vendor raises
        return Finding(Health.DOWN, f"{kind} cannot be written and read: {exc}.")
    return Finding(
        Health.OK if is_same else Health.DOWN, f"{kind} " + ("works." if is_same else "gives back other bytes.")
    )


register("database", _database, is_quick=True)
register("migrations", _migrations, is_quick=True)
register("redis", _redis, is_quick=True)
register("sweeper", sweeper, is_quick=True)
register("storage", _storage, is_quick=False)
