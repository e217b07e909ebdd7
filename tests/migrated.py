"""One migrated database a run, made by `manage.py migrate`; test databases and started products get copies of it.

The migrations take seven seconds of CPU, and a run would repeat them for each of its processes and products.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from studio.env import PROJECT

IS_IN_RUN = "TEST_RUN_DIR" in os.environ  # not where `make screenshots` and the like start a product
RUN_DIR = Path(os.environ.get("TEST_RUN_DIR", ""))  # shared by the processes of a run
TEMPLATE = f"migrated_{RUN_DIR.name}".replace("-", "_")


def copy_for_product(folder: Path) -> str:
    """A copy for a product with that DATA_DIR, unless it has a file; returns its DATABASE_URL, "" for SQLite.

    Outside a run of pytest there is none to copy, and the product migrates its own.
    """
    if not IS_IN_RUN:
        return ""
    if server := os.environ["DATABASE_URL"]:
        name = f"running_{uuid.uuid4().hex}"
        copy_on_server(name)
        return urlsplit(server)._replace(path=f"/{name}").geturl()
    if not (folder / "db.sqlite3").exists():
        copy_to_file(folder / "db.sqlite3")
    return ""


def copy_to_file(path: Path) -> None:
    """Copy it to a file of SQLite."""
    template = RUN_DIR / "migrated" / "db.sqlite3"
    with _made_once("migrated.sqlite") as is_new:
        if is_new:
            _migrate(DATA_DIR=str(template.parent), DATABASE_URL="")
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(template, path)


def copy_on_server(name: str) -> None:
    """Copy it to a database of that name on the run's PostgreSQL; replace a former one."""
    server = os.environ["DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as connection, _made_once("migrated.postgres") as is_new:
        if is_new:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
            _migrate(DATABASE_URL=urlsplit(server)._replace(path=f"/{TEMPLATE}").geturl())
        # inside the lock: two copies at once would fail, because a template may not be in use
        drop(name)
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(TEMPLATE))
        )


def drop(name: str) -> None:
    """Remove a database from the run's PostgreSQL."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def _made_once(name: str) -> Iterator[bool]:
    """Holds a lock of the run; True for the first process only."""
    with (RUN_DIR / f"{name}.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = RUN_DIR / f"{name}.done"
        yield not done.exists()
        done.touch()


def _migrate(**environment: str) -> None:
    command = [sys.executable, "manage.py", "migrate", "-v", "0"]
    subprocess.run(command, cwd=PROJECT, env={**os.environ, **environment}, check=True, timeout=300)
