"""Reads the legacy database: one read-only snapshot, never more than a batch in memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composed, Identifier, Literal

from operations.legacy_import.schema import FILES, SUBSCRIPTIONS, TABLES, TRANSACTIONS, Table
from studio.errors import InvalidInput, Unavailable

BATCH = 500  # rows
CONNECT_SECONDS = 10
STATEMENT_SECONDS = 300  # the longest statement sorts a whole table
Row = dict[str, Any]
_T = TypeVar("_T")


@dataclass(frozen=True)
class Unmoved:
    """What the source has and this system does not import."""

    tables: dict[str, int] = field(default_factory=dict)  # with their row counts
    columns: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)  # optional tables and columns that the source lacks


class Source:
    """A snapshot of the legacy database, as a context manager. Raises Unavailable when the connection is lost."""

    def __init__(self, url: str) -> None:
        """Raises InvalidInput if `url` is not a PostgreSQL URL."""
        scheme, separator, rest = url.partition("://")
        if scheme.partition("+")[0] not in {"postgresql", "postgres"} or not separator:
            raise InvalidInput("--source should have the form postgresql://user:password@host:5432/database.")
        self._url = f"postgresql://{rest}"  # without the driver that SQLAlchemy names
        self._columns: dict[str, dict[str, str]] = {}  # by table: our name of a column, and the source's

    def __enter__(self) -> Self:
        try:
            self._connection = psycopg.connect(
                self._url,
                connect_timeout=CONNECT_SECONDS,
                options=f"-c statement_timeout={STATEMENT_SECONDS}s -c TimeZone=UTC",
                keepalives_idle=30,
                row_factory=dict_row,
            )
        except psycopg.Error as exc:
            raise Unavailable(f"The source cannot be reached: {_first_line(exc)}") from exc
        self._connection.read_only = True
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        return self

    def __exit__(self, *exc: object) -> None:
        self._connection.close()

    def read_schema(self) -> Unmoved:
        """Read the tables and columns. Raises InvalidInput, with the names of all required ones that are missing."""
        found: dict[str, list[str]] = {}
        for row in self._all(SQL(_COLUMNS)):
            found.setdefault(row["table_name"], []).append(row["column_name"])
        missing: list[str] = []
        unmoved = Unmoved()
        for table in TABLES:
            if table.name in found:
                self._match(table, found[table.name], missing, unmoved)
            else:
                (missing if table.is_required else unmoved.absent).append(f"table {table.name}")
        if missing:
            raise InvalidInput(f"The source lacks required parts: {', '.join(missing)}.")
        for name in sorted(found.keys() - {table.name for table in TABLES} - {"alembic_version"}):
            unmoved.tables[name] = self._all(SQL("SELECT count(*) FROM {}").format(Identifier(name)))[0]["count"]
        return unmoved

    def _match(self, table: Table, found: Sequence[str], missing: list[str], unmoved: Unmoved) -> None:
        names = self._columns[table.name] = {}
        for column in table.columns:
            name = next((name for name in (column.name, *column.also) if name in found), None)
            if name:
                names[column.name] = name
            else:
                (missing if column.is_required else unmoved.absent).append(f"column {table.name}.{column.name}")
        unmoved.columns.extend(f"{table.name}.{name}" for name in found if name not in names.values())

    def batches(self, table: Table, *, order: Sequence[str]) -> Iterator[list[Row]]:
        """Yield all rows in a stable order, under our names of the columns; NULL for a column that the source lacks.

        `order` has our names, with a minus in front for descending; columns that the source lacks are left out.
        """
        if table.name not in self._columns:
            return
        query = SQL("SELECT {} FROM {}").format(self._selected(table), Identifier(table.name))
        yield from self._streamed(query + self._ordered(table, order))

    def subscriptions(self, user_ids: Sequence[str]) -> dict[str, Row]:
        """The balances of these users, by id."""
        key = self._column(SUBSCRIPTIONS, "user_id")
        query = SQL("SELECT {} FROM {} WHERE {}::text = ANY(%s)").format(
            self._selected(SUBSCRIPTIONS), Identifier(SUBSCRIPTIONS.name), key
        )
        return {str(row["user_id"]): row for row in self._all(query, [list(user_ids)])}

    def orphaned_balances(self) -> int:
        """The number of balances without a user."""
        query = SQL("SELECT count(*) FROM {} WHERE {}::text NOT IN (SELECT id::text FROM users)").format(
            Identifier(SUBSCRIPTIONS.name), self._column(SUBSCRIPTIONS, "user_id")
        )
        return int(self._all(query)[0]["count"])

    def transactions(self) -> tuple[int, int]:
        """The number of token transactions, and their sum."""
        if TRANSACTIONS.name not in self._columns:
            return 0, 0
        query = SQL("SELECT count(*), coalesce(sum({}), 0)::bigint AS sum FROM {}").format(
            self._column(TRANSACTIONS, "amount"), Identifier(TRANSACTIONS.name)
        )
        row = self._all(query)[0]
        return row["count"], row["sum"]

    def last_balances(self) -> Iterator[list[Row]]:
        """Yield each user's balance after the last transaction: `user_id` and `balance_after`."""
        if "balance_after" not in self._columns.get(TRANSACTIONS.name, {}):
            return
        user, order = self._column(TRANSACTIONS, "user_id"), self._ordered(TRANSACTIONS, ("user_id", "-created_at"))
        query = SQL("SELECT DISTINCT ON ({}) {}::text AS user_id, {} AS balance_after FROM {}").format(
            user, user, self._column(TRANSACTIONS, "balance_after"), Identifier(TRANSACTIONS.name)
        )
        yield from self._streamed(query + order)

    def shared_files(self) -> set[str]:
        """URLs that more than one row has."""
        parts = [
            SQL("SELECT {} AS url FROM {}").format(self._column(table, name), Identifier(table.name))
            for table, name in FILES
            if name in self._columns.get(table.name, {})
        ]
        query = SQL("SELECT url FROM ({}) files WHERE url <> '' GROUP BY url HAVING count(*) > 1")
        return {row["url"] for row in self._all(query.format(SQL(" UNION ALL ").join(parts)))}

    def _selected(self, table: Table) -> Composed:
        """Select all columns under our names; ids as text, whatever their type."""
        names = self._columns[table.name]
        return SQL(", ").join(
            SQL("{}{} AS {}").format(
                Identifier(names[column.name]) if column.name in names else Literal(None),
                SQL("::text" if _is_id(column.name) else ""),
                Identifier(column.name),
            )
            for column in table.columns
        )

    def _ordered(self, table: Table, order: Sequence[str]) -> Composed:
        names = self._columns[table.name]
        terms = [
            SQL("{} {}").format(
                Identifier(names[name.lstrip("-")]), SQL("DESC NULLS LAST" if name.startswith("-") else "ASC")
            )
            for name in order
            if name.lstrip("-") in names
        ]
        return SQL(" ORDER BY ") + SQL(", ").join(terms)

    def _column(self, table: Table, name: str) -> Identifier:
        return Identifier(self._columns[table.name][name])

    def _streamed(self, query: Composed) -> Iterator[list[Row]]:
        with self._connection.cursor(name="moving") as cursor:
            self._guarded(lambda: cursor.execute(query))
            while rows := self._guarded(lambda: cursor.fetchmany(BATCH)):
                yield rows

    def _all(self, query: SQL | Composed, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
        return self._guarded(lambda: self._connection.execute(query, parameters).fetchall())

    def _guarded(self, read: Callable[[], _T]) -> _T:
        try:
            return read()
        except psycopg.Error as exc:
            raise Unavailable(f"The source cannot be read: {_first_line(exc)}") from exc


_COLUMNS = """
    SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables
    USING (table_schema, table_name) WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'
    ORDER BY table_name, ordinal_position
"""


def _is_id(name: str) -> bool:
    return name == "id" or name.endswith("_id")


def _first_line(exc: Exception) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0]
