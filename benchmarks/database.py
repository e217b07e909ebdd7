"""PostgreSQL for one part: its own server from the pip package, or a database on DATABASE_URL's server."""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from tests.chaos.database import Postgres

# For millions of rows. fsync is off, as in the tests: no figure shows how fast a disk is.
SETTINGS = ("shared_buffers = '768MB'", "maintenance_work_mem = '512MB'", "max_wal_size = '8GB'", "autovacuum = off")


@contextmanager
def database(folder: Path, *, server: str) -> Iterator[str]:
    """The URL of an empty database, gone after the block."""
    if server:
        with _database_on(server) as url:
            yield url
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # the package warns where a login did not set it
    postgres = Postgres(folder)
    try:
        for setting in SETTINGS:
            postgres.execute(f"ALTER SYSTEM SET {setting}")
        postgres.restart("fast")
        yield postgres.url
    finally:
        postgres.stop()


@contextmanager
def _database_on(server: str) -> Iterator[str]:
    name = f"bench_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        time.sleep(0.2)  # connections of processes that have just ended
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def server_process(url: str) -> int | None:
    """The parent of all the server's processes; None on another machine, or where it may not be read."""
    with psycopg.connect(url, autocommit=True) as connection:
        try:
            row = connection.execute("SELECT setting FROM pg_settings WHERE name = 'data_directory'").fetchone()
            return int((Path(str(row and row[0])) / "postmaster.pid").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None
