"""Inserts many rows in one statement, at a fraction of the time of `bulk_create`, and can return their columns."""

from collections.abc import Sequence
from typing import Any

from django.db import connection, models

BATCH = 500  # rows a statement; SQLite takes 32,766 parameters


def insert_all(instances: Sequence[models.Model], *, then: str = "") -> list[tuple[Any, ...]]:
    """Insert instances of one model, like `save(force_insert=True)` without signals. Raises IntegrityError.

    `then` follows the values: ON CONFLICT and RETURNING. Returns the rows that RETURNING names, as the driver has them.
    """
    found: list[tuple[Any, ...]] = []
    for start in range(0, len(instances), BATCH):
        sql, values = _statement(instances[start : start + BATCH])
        with connection.cursor() as cursor:
            cursor.execute(f"{sql} {then}", values)
            found += cursor.fetchall() if cursor.description else []
    return found


def _statement(instances: Sequence[models.Model]) -> tuple[str, list[Any]]:
    options, quoted = instances[0]._meta, connection.ops.quote_name
    fields: Sequence[Any] = options.concrete_fields
    names = ", ".join(quoted(field.column) for field in fields)
    row = f"({', '.join(['%s'] * len(fields))})"
    sql = f"INSERT INTO {quoted(options.db_table)} ({names}) VALUES {', '.join([row] * len(instances))}"  # noqa: S608 - no value in it
    values = [
        field.get_db_prep_save(field.pre_save(instance, True), connection) for instance in instances for field in fields
    ]
    return sql, values
