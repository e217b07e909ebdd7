"""The database: SQLite in DATA_DIR, or the PostgreSQL that DATABASE_URL names."""

from typing import Any

from studio import env
from studio.settings.base import DATA_DIR

DATABASES: dict[str, dict[str, Any]] = {
    "default": env.database("DATABASE_URL") or {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA_DIR / "db.sqlite3"}
}
DATABASES["default"]["CONN_MAX_AGE"] = 600  # seconds; connecting takes longer than a typical request
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",  # writers wait for the lock at BEGIN; later they would fail half-way
        "timeout": 20,  # seconds to wait for that lock
        # FULL: a paid operation is on the disk before the next step starts, even if the machine loses power.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=20000;",
    }
else:
    DATABASES["default"] |= {
        "ENGINE": "studio.db.postgresql",
        "CONN_HEALTH_CHECKS": True,
        # A pool in transaction mode loses a cursor between two statements; studio.db.batches reads long lists by key.
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }
    # Options in DATABASE_URL win. These give a dead connection up after a minute: after a failover, or behind a
    # firewall that drops connections silently, TCP alone waits for two hours.
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 10,  # seconds
        "keepalives": 1,
        "keepalives_idle": 30,  # seconds of silence before the first probe
        "keepalives_interval": 10,  # seconds between probes
        "keepalives_count": 3,  # lost probes
        "tcp_user_timeout": 60_000,  # milliseconds until sent data must be acknowledged; Linux
        "server_side_binding": True,
        "prepare_threshold": 5,  # runs on a connection until PostgreSQL keeps the statement; psycopg's default
    } | DATABASES["default"].get("OPTIONS", {})
