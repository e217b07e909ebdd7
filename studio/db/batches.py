"""Reads long tables in batches by key, in bounded memory and without a cursor between the batches.

Django's `iterator()` keeps a server-side cursor, which is lost behind a pool in transaction mode (PgBouncer): the next
batch may run on another connection.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import F, Q, QuerySet

BATCH = 1000  # rows


def rows(queryset: "QuerySet[Any, Any]", *columns: str, batch: int = BATCH) -> Iterator[tuple[Any, ...]]:
    """The columns of every row, in the order of the query set and then of the primary key; one query per batch.

    Rows written meanwhile appear if they come later in the order. No row appears twice unless its place there
    changes. Raises TypeError if the order has an expression, and ValueError at NULL in a column of the order.
    """
    order = _order_of(queryset)
    names = [name.removeprefix("-") for name in order]
    page = queryset.order_by(*order).values_list(*columns, *map(F, names))
    after = Q()
    while True:
        found = list(page.filter(after)[:batch])
        for row in found:
            yield row[: len(columns)]
        if len(found) < batch:
            return
        after = _after(order, names, found[-1][len(columns) :])


def _order_of(queryset: "QuerySet[Any, Any]") -> list[str]:
    ordering = queryset.query.order_by or (queryset.model._meta.ordering if queryset.query.default_ordering else ())
    order = []
    for name in ordering:
        if not isinstance(name, str):
            raise TypeError(f"rows can be read by key in the order of columns, not of {name!r}")
        order.append(name)
        if name.removeprefix("-") in {"pk", queryset.model._meta.pk.name}:
            return order
    return [*order, "pk"]


def _after(order: Sequence[str], names: Sequence[str], values: Sequence[Any]) -> Q:
    """The rows after the one with these values: later in the first column, or equal there and later in the next."""
    if None in values:
        raise ValueError(f"a row without a value among {', '.join(names)} has no place in their order")
    behind = Q()
    for column, name, value in reversed(list(zip(order, names, values, strict=True))):
        later = f"{name}__lt" if column.startswith("-") else f"{name}__gt"
        is_later = Q(**{later: value})
        # the first condition is redundant, but lets the database use an index on the column
        behind = Q(**{f"{later}e": value}) & (is_later | behind) if behind else is_later
    return behind
