"""The PostgreSQL backend; Django imports the module `base` of a backend's package."""

import select
from datetime import datetime, tzinfo
from functools import cache
from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.utils import CursorWrapper
from psycopg import DataError
from psycopg.adapt import Loader
from psycopg.pq import ConnStatus, TransactionStatus
from psycopg.types.datetime import TimestamptzLoader


class DatabaseWrapper(base.DatabaseWrapper):
    """Checks a kept connection at its socket, and parses timestamps in C.

    Django sends `SELECT 1` ahead of each request's first statement: one more round trip to the server, and 1 to 3 % of
    a request's CPU. A server that ends a connection sends a message or closes the socket, so the socket is readable.

    Django parses timestamps in Python. A page of jobs has eighty, which would be 15 % more CPU
    (docs/decisions/19-connection-pool.md).

    The options `server_side_binding` and `prepare_threshold` (studio/settings/database.py) let PostgreSQL keep the plan
    of a statement (docs/decisions/27-prepared-statements.md). It keeps them by session, so a connection through a pool
    prepares nothing.

    A closed cursor of psycopg is used again: it knows how to send and read the types that it has met.
    """

    free_cursor: Any = None  # of the connection; it has the rows of its last statement until the next one

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Django's connection, with our loader of timestamps; it prepares no statements behind a connection pool."""
        connection = super().get_new_connection(conn_params)
        if _is_pooled(connection):
            connection.prepare_threshold = None
        if self.timezone:  # as long as USE_TZ is set
            connection.adapters.register_loader("timestamptz", _timestamp_loader(self.timezone))
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        """The free cursor; a new one for a name, or while that one is in use."""
        if name or self.free_cursor is None or self.free_cursor.connection is not self.connection:
            return super().create_cursor(name)
        cursor, self.free_cursor = self.free_cursor, None
        return cursor

    def make_cursor(self, cursor: Any) -> CursorWrapper:
        """Django's wrapper. Where queries are logged it uses another one, which keeps no cursor."""
        return super().make_cursor(cursor) if hasattr(cursor, "name") else _Cursor(cursor, self)

    def is_usable(self) -> bool:
        """Whether the connection works. It cannot notice a server that vanished without closing; keepalives do."""
        assert self.connection is not None
        server = self.connection.pgconn
        if server.status == ConnStatus.OK and server.transaction_status == TransactionStatus.IDLE:
            socket = select.poll()
            socket.register(server.socket, select.POLLIN)
            if not socket.poll(0):
                return True
        return super().is_usable()


class _Cursor(CursorWrapper):
    """Frees psycopg's cursor when it is closed, and has none from then on, so that it cannot disturb the next user."""

    def close(self) -> None:
        if self.cursor is not None:
            self.db.free_cursor, self.cursor = self.cursor, None


def _is_pooled(connection: Any) -> bool:
    """Whether a pool such as PgBouncer is in between: it reports another process than the one that runs statements."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        found: bool = cursor.fetchone()[0] != connection.info.backend_pid
    connection.rollback()  # Django turns autocommit on later, outside of a transaction
    return found


@cache
def _timestamp_loader(zone: tzinfo) -> type[Any]:
    """A psycopg loader that returns timestamps in this zone.

    PostgreSQL sends them in the session's zone, with the offset from UTC. Behind PgBouncer in transaction mode a
    statement may run in a session where Django has not set the zone.
    """

    class TimestampLoader(Loader):  # psycopg's own reads settings of the session, for each column and statement
        timezone = zone  # Django compares it with its own

        def load(self, data: Any) -> datetime:
            """Parse one timestamp. psycopg parses what Python cannot (`infinity`, another DateStyle).

            Raises DataError for a timestamp that has no datetime in this zone.
            """
            try:
                read = datetime.fromisoformat(str(data, "ascii"))
            except ValueError:
                read = TimestamptzLoader(self.oid, self.connection).load(data)
            try:
                return read if read.tzinfo is zone else read.astimezone(zone)
            except OverflowError as exc:  # of the first or the last day that Python has
                raise DataError(f"out of range in {zone}: {read}") from exc

    return TimestampLoader
