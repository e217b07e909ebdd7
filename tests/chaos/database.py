"""The databases of the suite: each fleet has an empty one, read from outside with plain SQL."""

import sqlite3
import time
import uuid
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg.rows import dict_row

from tests.pgbouncer import PgBouncer
from tests.postgres import PostgresServer

Row = dict[str, Any]


class Database(Protocol):
    url: str

    def rows(self, sql: str) -> list[Row]: ...

    def execute(self, sql: str) -> None: ...

    def literal(self, key: str) -> str:
        """An id, as `rows` returns it, for a statement."""
        ...

    def restart(self, mode: str) -> None:
        """Raises NotImplementedError where the database has no server."""
        ...

    def stop(self) -> None: ...


class Sqlite:
    """A file in the data folder of the fleet."""

    url = ""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "db.sqlite3"

    def rows(self, sql: str) -> list[Row]:
        with closing(sqlite3.connect(self._path, timeout=20)) as connection:
            connection.row_factory = sqlite3.Row
            return [_plain(dict(row)) for row in connection.execute(sql)]

    def execute(self, sql: str) -> None:
        with closing(sqlite3.connect(self._path, timeout=20)) as connection, connection:
            connection.execute(sql)

    def literal(self, key: str) -> str:
        return f"'{uuid.UUID(key).hex}'"

    def restart(self, mode: str) -> None:
        raise NotImplementedError("SQLite has no server")

    def stop(self) -> None:
        """Nothing to do: the folder goes with the fleet."""


class Postgres(PostgresServer):
    """A server of one fleet, which can be restarted."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "postgres")

    def rows(self, sql: str) -> list[Row]:
        """The result of a SELECT. A restart may end the connection while it reads, so it reads again."""
        for _ in range(10):
            with suppress(psycopg.OperationalError), self._connection() as connection:
                return [_plain(row) for row in connection.execute(sql)]  # type: ignore[call-overload]
        raise TimeoutError("PostgreSQL ended ten connections")

    def execute(self, sql: str) -> None:
        with self._connection() as connection:
            connection.execute(sql)  # type: ignore[call-overload]

    def literal(self, key: str) -> str:
        return f"'{key}'"

    def _connection(self) -> "psycopg.Connection[Row]":
        for _ in range(100):
            try:
                return psycopg.connect(self.url, autocommit=True, row_factory=dict_row)
            except psycopg.OperationalError:  # being restarted
                time.sleep(0.1)
        return psycopg.connect(self.url, autocommit=True, row_factory=dict_row)


class Pooled(Postgres):
    """PostgreSQL behind PgBouncer for the processes; the suite itself connects directly.

    New sessions use the time zone of Tokyo: code that relies on the session's time zone is nine hours off.
    """

    settings: dict[str, str] = {}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._direct_url = self.url
        self.execute("ALTER ROLE postgres SET timezone = 'Asia/Tokyo'")
        self._pool = PgBouncer(
            server_url=self.url, folder=folder / "pgbouncer", account=self.account, settings=self.settings
        )
        self.url = self._pool.url

    def _connection(self) -> "psycopg.Connection[Row]":
        return psycopg.connect(self._direct_url, autocommit=True, row_factory=dict_row)

    def stop(self) -> None:
        self._pool.stop()
        super().stop()


def _plain(row: Row) -> Row:
    """SQLite writes a UUID as 32 digits, PostgreSQL as its own type: both become a string with hyphens."""
    return {name: _uuid(value) if name == "id" or name.endswith("_id") else value for name, value in row.items()}


def _uuid(value: Any) -> Any:
    return str(uuid.UUID(str(value))) if value else value


KINDS: dict[str, type[Sqlite] | type[Postgres]] = {"sqlite": Sqlite, "postgres": Postgres, "pooled": Pooled}
