"""Query sets that are compiled once, and run again and again with other values.

Building and compiling a query set takes Django several times as long as the driver and the database take to answer it.
What the busiest endpoints read and write is therefore declared once, as a query set with `Param` and `InParam` in the
places of values, and compiled when it is first run.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from django.db import connection, models, transaction
from django.db.models.expressions import Expression
from django.db.models.sql import UpdateQuery

Row = tuple[Any, ...]
_Converters = list[tuple[int, list[Callable[..., Any]], Any]]


class Param(Expression):
    """A value that is named when the statement runs."""

    def __init__(self, name: str, output_field: "models.Field[Any, Any]") -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """A place for the value; this object stands in for it."""
        return "%s", [self]

    def prepared(self, values: dict[str, Any]) -> Any:
        """The value as the driver takes it."""
        return self.output_field.get_db_prep_value(values[self.name], connection)


class _AnyOf(Param):
    """A list of values, as one parameter: the text of the statement does not depend on how many there are."""

    def prepared(self, values: dict[str, Any]) -> Any:
        prepared = [self.output_field.get_db_prep_value(value, connection) for value in values[self.name]]
        return prepared if connection.vendor == "postgresql" else json.dumps(prepared)


class InParam(models.Func):
    """A condition: the column is one of the values that are given under the name."""

    output_field = models.BooleanField()

    def __init__(self, column: str, name: str, values: "models.Field[Any, Any]") -> None:
        super().__init__(models.F(column), _AnyOf(name, values))

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """By an array."""
        return self.as_sql(compiler, connection, template="%(expressions)s)", arg_joiner=" = ANY(", **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """By a list in JSON: SQLite has no arrays."""
        joiner = " IN (SELECT value FROM json_each("
        return self.as_sql(compiler, connection, template="%(expressions)s))", arg_joiner=joiner, **context)


class InPage(models.Func):
    """A condition: the column is among what `page`, a statement with pages, finds there; an index alone may do.

    What the page locks is locked once: PostgreSQL may run a subquery again and again, but not that of an array.
    """

    output_field = models.BooleanField()

    def __init__(self, column: str, page: "Statement") -> None:
        super().__init__(models.F(column))
        self._page = page

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        """By a subquery, in whose statement the page's values are those of the whole."""
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

    def prepared(self, values: dict[str, Any]) -> list[Any]:
        return [place.prepared(values) if isinstance(place, Param) else place for place in self.params]


class _Declared:
    """A statement whose text is made once for each kind of database."""

    def __init__(self) -> None:
        self._kept: dict[str, _Compiled] = {}

    def _compile(self) -> _Compiled:
        raise NotImplementedError

    @property
    def compiled(self) -> _Compiled:
        kept = self._kept.get(connection.vendor)
        if kept is None:
            kept = self._kept[connection.vendor] = self._compile()
        return kept


class Statement(_Declared):
    """What `build` asks for, in `values_list` columns; compiled at the first use, when all models are there.

    With `in_pages`, its rows are run with `skip` and `limit`, too.
    """

    def __init__(self, build: Callable[[], "models.QuerySet[Any, Any]"], *, in_pages: bool = False) -> None:
        super().__init__()
        self._build = build
        self._in_pages = in_pages

    def rows(self, **values: Any) -> list[Row]:
        """Every row, with these values in their places."""
        compiled = self.compiled
        sql, params = compiled.sql, compiled.prepared(values)
        if self._in_pages:
            sql, params = f"{sql} LIMIT %s OFFSET %s", [*params, values["limit"], values["skip"]]
        return _rows(sql, params, compiled.converters)

    def count(self, **values: Any) -> int:
        """How many rows there are with these values."""
        compiled = self.compiled
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM ({compiled.sql}) counted", compiled.prepared(values))  # noqa: S608 - Django's own text
            return int(cursor.fetchone()[0])

    def row(self, **values: Any) -> Row | None:
        """The first row, None where there is none."""
        return next(iter(self.rows(**values)), None)

    def _compile(self) -> _Compiled:
        query = self._build().query
        compiler = query.get_compiler(connection=connection)
        lacks_transaction = query.select_for_update and not connection.in_atomic_block
        with transaction.atomic() if lacks_transaction else nullcontext():  # Django insists on one
            sql, params = compiler.as_sql()
        assert compiler.select is not None
        shown = [column for column, _, _ in compiler.select[: compiler.col_count]]
        return _Compiled(sql, list(params), _converters(compiler, shown))


class SelectModels(Statement):
    """The same, which gives whole instances of `model`, of query sets without columns of their own."""

    def __init__(self, model: type[models.Model], build: Callable[[], "models.QuerySet[Any, Any]"], **options: Any):
        self._model = model
        super().__init__(lambda: build().values_list(*_columns_of(model)), **options)

    def all(self, **values: Any) -> list[Any]:
        """Every instance, with these values in their places."""
        return _instances(self._model, self.rows(**values))


class Update(_Declared):
    """An UPDATE of the rows that `build` asks for; `columns` names their new values, `Param` ones and expressions."""

    def __init__(self, build: Callable[[], "models.QuerySet[Any, Any]"], **columns: Any) -> None:
        super().__init__()
        self._build = build
        self._columns = columns

    def run(self, **values: Any) -> int:
        """Change them; returns how many there were."""
        compiled = self.compiled
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, compiled.prepared(values))
            return int(cursor.rowcount)

    def _compile(self) -> _Compiled:
        sql, params = self._compiler().as_sql()
        return _Compiled(sql, list(params), [])

    def _compiler(self) -> Any:
        query: Any = self._build().query.chain(UpdateQuery)
        query.add_update_values(self._columns)
        return query.get_compiler(connection=connection)


class UpdateReturning(Update):
    """The same, which gives the changed rows as instances of `model`, in no order."""

    def __init__(
        self, model: type[models.Model], build: Callable[[], "models.QuerySet[Any, Any]"], **columns: Any
    ) -> None:
        super().__init__(build, **columns)
        self._model = model

    def all(self, **values: Any) -> list[Any]:
        """Change them; returns them as they are now."""
        compiled = self.compiled
        return _instances(self._model, _rows(compiled.sql, compiled.prepared(values), compiled.converters))

    def _compile(self) -> _Compiled:
        compiler, table = self._compiler(), self._model._meta.db_table
        sql, params = compiler.as_sql()
        shown = [field.get_col(table) for field in self._model._meta.concrete_fields]
        names = ", ".join(compiler.compile(column)[0] for column in shown)
        return _Compiled(f"{sql} RETURNING {names}", list(params), _converters(compiler, shown))


class Insert(_Declared):
    """An INSERT of a model's instance, as `save(force_insert=True)` does it, but without its signals.

    `columns` are those whose value is an expression. Where a row of the same key is there already, `unless_there`
    inserts nothing.
    """

    def __init__(self, model: type[models.Model], *, unless_there: bool = False, **columns: Expression) -> None:
        super().__init__()
        self._fields = [field for field in model._meta.concrete_fields if field.name not in columns]
        self._model = model
        self._columns = columns
        self._unless_there = unless_there

    def run(self, instance: models.Model) -> bool:
        """Insert it; False where it was there already. Raises IntegrityError."""
        compiled = self.compiled
        values = [field.get_db_prep_save(field.pre_save(instance, True), connection) for field in self._fields]
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, [*values, *compiled.params])
            inserted = bool(cursor.rowcount)
        instance._state.adding = not inserted
        instance._state.db = connection.alias
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


def _converters(compiler: Any, shown: Sequence[Any]) -> _Converters:
    return [(place, found, shown[place]) for place, (found, _) in compiler.get_converters(shown).items()]


def _rows(sql: str, params: Sequence[Any], converters: _Converters) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[Row] = cursor.fetchall()
    return _converted(rows, converters) if converters else rows


def _columns_of(model: type[models.Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def _instances(model: type[models.Model], rows: Sequence[Row]) -> list[Any]:
    columns = _columns_of(model)
    return [model.from_db(connection.alias, columns, row) for row in rows]


def _converted(rows: list[Row], converters: _Converters) -> list[Row]:
    """The rows in Python's types, where the database has none of its own."""
    converted = []
    for row in rows:
        values = list(row)
        for place, steps, column in converters:
            for step in steps:
                values[place] = step(values[place], column, connection)
        converted.append(tuple(values))
    return converted
