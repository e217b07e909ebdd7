"""Reads the other system's database: one snapshot of it, never a write, and never more than a batch in memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composed, Identifier, Literal

from operations.importer.schema import FILES, SUBSCRIPTIONS, TABLES, TRANSACTIONS, Table
from studio.errors import InvalidInput, Unavailable

BATCH = 500  # rows at a time
CONNECT_SECONDS = 10
STATEMENT_SECONDS = 300  # the longest statement sorts a whole table
Row = dict[str, Any]
_T = TypeVar("_T")


@dataclass(frozen=True)
class Unmoved:
    """What the source has and nothing here takes."""

    tables: dict[str, int] = field(default_factory=dict)  # with their numbers of rows
    columns: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)  # what is read where it is there, and is not


class Source:
    """A snapshot of the other database, as a context manager. Raises Unavailable when it is lost."""

    def __init__(self, url: str) -> None:
        """Raises InvalidInput for what is no URL of a PostgreSQL."""
        scheme, separator, rest = url.partition("://")
        if scheme.partition("+")[0] not in {"postgresql", "postgres"} or not separator:
            raise InvalidInput("--source should look like postgresql://user:password@host:5432/database.")
        self._url = f"postgresql://{rest}"  # SQLAlchemy's name of a driver is not for libpq
        self._columns: dict[str, dict[str, str]] = {}  # of each table: our name, its name

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

    def examine(self) -> Unmoved:
        """Learn its tables and columns. Raises InvalidInput, naming everything that must be there and is not."""
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
            raise InvalidInput(f"The source lacks what cannot be done without: {', '.join(missing)}.")
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
        """All rows under our names of the columns, in an order that is the same each time; NULL for what it lacks.

        `order` has our names; a minus in front is for the other direction. Columns that it lacks are left out.
        """
        if table.name not in self._columns:
            return
        query = SQL("SELECT {} FROM {}").format(self._selected(table), Identifier(table.name))
        yield from self._streamed(query + self._ordered(table, order))

    def subscriptions(self, user_ids: Sequence[str]) -> dict[str, Row]:
        """The balances of these people, by their ids."""
        key = self._column(SUBSCRIPTIONS, "user_id")
        query = SQL("SELECT {} FROM {} WHERE {}::text = ANY(%s)").format(
            self._selected(SUBSCRIPTIONS), Identifier(SUBSCRIPTIONS.name), key
        )
        return {str(row["user_id"]): row for row in self._all(query, [list(user_ids)])}

    def orphans(self) -> int:
        """How many balances belong to nobody."""
        query = SQL("SELECT count(*) FROM {} WHERE {}::text NOT IN (SELECT id::text FROM users)").format(
            Identifier(SUBSCRIPTIONS.name), self._column(SUBSCRIPTIONS, "user_id")
        )
        return int(self._all(query)[0]["count"])

    def transactions(self) -> tuple[int, int]:
        """How many movements of tokens there were, and their sum."""
        if TRANSACTIONS.name not in self._columns:
            return 0, 0
        query = SQL("SELECT count(*), coalesce(sum({}), 0)::bigint AS sum FROM {}").format(
            self._column(TRANSACTIONS, "amount"), Identifier(TRANSACTIONS.name)
        )
        row = self._all(query)[0]
        return row["count"], row["sum"]

    def last_balances(self) -> Iterator[list[Row]]:
        """The balance of each person after the last movement: `user_id` and `balance_after`."""
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
        """Our names of all columns; ids as text, whatever type they have there."""
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
