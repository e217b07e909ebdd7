"""Compiled statements: query sets that are compiled once, and run many times with different values.

Django takes several times longer to build and compile a query set than the database to run it. So the statements of the
busiest endpoints are declared once, with `Param` and `InParam` in place of values, and compiled at their first run.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections, models, transaction
from django.db.models.expressions import Expression
from django.db.models.sql import DeleteQuery, UpdateQuery

Row = tuple[Any, ...]
_Converters = list[tuple[int, list[Callable[..., Any]], Any]]


class Param(Expression):
    """A placeholder for a value that is passed by name when the statement runs."""

    def __init__(self, name: str, output_field: "models.Field[Any, Any]") -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]  # `_Compiled.prepared` replaces this object by the value

    def prepared(self, values: dict[str, Any], database: Any) -> Any:
        """The value in the type of the database's driver."""
        return self.output_field.get_db_prep_value(values[self.name], database)


class _AnyOf(Param):
    """A list of values as one parameter, so that the statement's text does not depend on their number."""

    def prepared(self, values: dict[str, Any], database: Any) -> Any:
        prepared = [self.output_field.get_db_prep_value(value, database) for value in values[self.name]]
        return prepared if database.vendor == "postgresql" else json.dumps(prepared)


class InParam(models.Func):
    """A condition: the column's value is in the list that is passed as `name`."""

    output_field = models.BooleanField()

    def __init__(self, column: str, name: str, values: "models.Field[Any, Any]") -> None:
        super().__init__(models.F(column), _AnyOf(name, values))

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="%(expressions)s)", arg_joiner=" = ANY(", **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # a JSON list: SQLite has no arrays
        joiner = " IN (SELECT value FROM json_each("
        return self.as_sql(compiler, connection, template="%(expressions)s))", arg_joiner=joiner, **context)


class InPage(models.Func):
    """A condition: the column's value is among those that `page`, a statement in pages, selects.

    In PostgreSQL the page is an array, whose subquery runs once: a plain one may run, and lock rows, several times.
    """

    output_field = models.BooleanField()

    def __init__(self, column: str, page: "Statement") -> None:
        super().__init__(models.F(column))
        self._page = page

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        column, params = compiler.compile(self.source_expressions[0])
        page = self._page.compiled
        places = [Param(name, models.IntegerField()) for name in ("limit", "skip")]
        found = f"{page.sql} LIMIT %s OFFSET %s"
        among = f"= ANY (ARRAY({found}))" if connection.vendor == "postgresql" else f"IN ({found})"
        return f"{column} {among}", [*params, *page.params, *places]


@dataclass
class _Compiled:
    sql: str
    params: list[Any]
    converters: _Converters


class _Declared:
    """A statement that is compiled once per kind of database."""

    def __init__(self) -> None:
        self._kept: dict[str, _Compiled] = {}

    def _compile(self) -> _Compiled:
        raise NotImplementedError

    @property
    def compiled(self) -> _Compiled:
        return self._compiled_for(connection)

    def _compiled_for(self, database: Any) -> _Compiled:
        kept = self._kept.get(database.vendor)
        if kept is None:
            kept = self._kept[database.vendor] = self._compile()
        return kept

    def _ready(self, values: dict[str, Any]) -> tuple[Any, _Compiled, list[Any]]:
        """This thread's connection, sought once and not at each use, the statement, and its parameters."""
        database = connections[DEFAULT_DB_ALIAS]
        compiled = self._compiled_for(database)
        params = [place.prepared(values, database) if isinstance(place, Param) else place for place in compiled.params]
        return database, compiled, params


class Statement(_Declared):
    """A SELECT of the `values_list` query set that `build` returns.

    Compiled at the first run, when all models are loaded. With `in_pages`, `rows` takes `skip` and `limit` too.
    """

    def __init__(self, build: Callable[[], "models.QuerySet[Any, Any]"], *, in_pages: bool = False) -> None:
        super().__init__()
        self._build = build
        self._in_pages = in_pages

    def rows(self, **values: Any) -> list[Row]:
        """All rows for these values."""
        database, compiled, params = self._ready(values)
        sql = compiled.sql
        if self._in_pages:
            sql, params = f"{sql} LIMIT %s OFFSET %s", [*params, values["limit"], values["skip"]]
        return _rows(database, sql, params, compiled.converters)

    def count(self, **values: Any) -> int:
        """The number of rows for these values."""
        database, compiled, params = self._ready(values)
        with database.cursor() as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM ({compiled.sql}) counted", params)  # noqa: S608 - Django's own text
            return int(cursor.fetchone()[0])

    def row(self, **values: Any) -> Row | None:
        """The first row, or None."""
        return next(iter(self.rows(**values)), None)

    def _compile(self) -> _Compiled:
        query = self._build().query
        compiler = query.get_compiler(connection=connection)
        lacks_transaction = query.select_for_update and not connection.in_atomic_block
        with transaction.atomic() if lacks_transaction else nullcontext():  # Django requires one to compile FOR UPDATE
            sql, params = compiler.as_sql()
        assert compiler.select is not None
        columns = [column for column, _, _ in compiler.select[: compiler.col_count]]
        return _Compiled(sql, list(params), _converters(compiler, columns))


class SelectModels(Statement):
    """A SELECT of whole instances of `model`; the query set must not choose columns."""

    def __init__(self, model: type[models.Model], build: Callable[[], "models.QuerySet[Any, Any]"], **options: Any):
        self._model = model
        super().__init__(lambda: build().values_list(*_columns_of(model)), **options)

    def all(self, **values: Any) -> list[Any]:
        """All instances for these values."""
        return _instances(self._model, self.rows(**values))


class _Write(_Declared):
    """A statement that changes the rows of `build`."""

    def __init__(self, build: Callable[[], "models.QuerySet[Any, Any]"]) -> None:
        super().__init__()
        self._build = build

    def run(self, **values: Any) -> int:
        """Change the rows; returns their number. Raises IntegrityError."""
        database, compiled, params = self._ready(values)
        with database.cursor() as cursor:
            cursor.execute(compiled.sql, params)
            return int(cursor.rowcount)


class Update(_Write):
    """An UPDATE; `columns` has the new values, expressions and `Param`s included."""

    def __init__(self, build: Callable[[], "models.QuerySet[Any, Any]"], **columns: Any) -> None:
        super().__init__(build)
        self._columns = columns

    def _compile(self) -> _Compiled:
        sql, params = self._compiler().as_sql()
        return _Compiled(sql, list(params), [])

    def _compiler(self) -> Any:
        query: Any = self._build().query.chain(UpdateQuery)
        query.add_update_values(self._columns)
        return query.get_compiler(connection=connection)


class UpdateReturning(Update):
    """An UPDATE that returns the updated rows as instances of `model`, in no particular order."""

    def __init__(
        self, model: type[models.Model], build: Callable[[], "models.QuerySet[Any, Any]"], **columns: Any
    ) -> None:
        super().__init__(build, **columns)
        self._model = model

    def all(self, **values: Any) -> list[Any]:
        """Update the rows; returns their new state."""
        database, compiled, params = self._ready(values)
        return _instances(self._model, _rows(database, compiled.sql, params, compiled.converters))

    def _compile(self) -> _Compiled:
        compiler, table = self._compiler(), self._model._meta.db_table
        sql, params = compiler.as_sql()
        columns = [field.get_col(table) for field in self._model._meta.concrete_fields]
        names = ", ".join(compiler.compile(column)[0] for column in columns)
        return _Compiled(f"{sql} RETURNING {names}", list(params), _converters(compiler, columns))


class Delete(_Write):
    """A DELETE of these rows and no others: rows that refer to them have to be deleted first."""

    def _compile(self) -> _Compiled:
        query: Any = self._build().query.chain(DeleteQuery)
        sql, params = query.get_compiler(connection=connection).as_sql()
        return _Compiled(sql, list(params), [])


class Insert(_Declared):
    """An INSERT of an instance, like `save(force_insert=True)` without signals.

    `columns` has the columns whose value is an expression. With `ignore_conflicts`, a conflicting row makes it a no-op.
    """

    def __init__(self, model: type[models.Model], *, ignore_conflicts: bool = False, **columns: Expression) -> None:
        super().__init__()
        self._fields = [field for field in model._meta.concrete_fields if field.name not in columns]
        self._model = model
        self._columns = columns
        self._unless_there = ignore_conflicts

    def run(self, instance: models.Model) -> bool:
        """Insert the instance; False if `ignore_conflicts` found a conflict. Raises IntegrityError."""
        database, compiled, params = self._ready({})
        values = [field.get_db_prep_save(field.pre_save(instance, True), database) for field in self._fields]
        with database.cursor() as cursor:
            cursor.execute(compiled.sql, [*values, *params])
            inserted = bool(cursor.rowcount)
        instance._state.adding = not inserted
        instance._state.db = database.alias
        return inserted

    def _compile(self) -> _Compiled:
        query = self._model._default_manager.all().query
        compiler = query.get_compiler(connection=connection)
        columns: list[tuple[Any, str, Sequence[Any]]] = [(field, "%s", []) for field in self._fields]
        for name, expression in self._columns.items():
            columns.append((self._model._meta.get_field(name), *compiler.compile(expression.resolve_expression(query))))
        quoted = connection.ops.quote_name
        names = ", ".join(quoted(field.column) for field, _, _ in columns)
        places = ", ".join(place for _, place, _ in columns)
        sql = f"INSERT INTO {quoted(self._model._meta.db_table)} ({names}) VALUES ({places})"  # noqa: S608 - no value in it
        if self._unless_there:
            sql += " ON CONFLICT DO NOTHING"
        return _Compiled(sql, [value for _, _, params in columns for value in params], [])


def _converters(compiler: Any, columns: Sequence[Any]) -> _Converters:
    return [(place, found, columns[place]) for place, (found, _) in compiler.get_converters(columns).items()]


def _rows(database: Any, sql: str, params: Sequence[Any], converters: _Converters) -> list[Row]:
    with database.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[Row] = cursor.fetchall()
    return _converted(database, rows, converters) if converters else rows


def _columns_of(model: type[models.Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def _instances(model: type[models.Model], rows: Sequence[Row]) -> list[Any]:
    columns = _columns_of(model)
    return [model.from_db(connection.alias, columns, row) for row in rows]


def _converted(database: Any, rows: list[Row], converters: _Converters) -> list[Row]:
    """The rows with Django's converters applied, for types that the database lacks."""
    converted = []
    for row in rows:
        values = list(row)
        for place, steps, column in converters:
            for step in steps:
                values[place] = step(values[place], column, database)
        converted.append(tuple(values))
    return converted
