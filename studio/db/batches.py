"""Reads many rows in batches by key: memory is bounded, and between two batches nothing is held open.

Django's `iterator()` keeps a cursor on the server. A pool in front of PostgreSQL that lends connections for one
transaction each (PgBouncer's transaction mode) has another connection by the next batch.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import F, Q, QuerySet

BATCH = 1000  # rows


def rows(queryset: "QuerySet[Any, Any]", *columns: str, batch: int = BATCH) -> Iterator[tuple[Any, ...]]:
    """The columns of every row, in the order of the query set, which the primary key makes definite.

    A statement for every `batch` rows. What is written meanwhile may be seen, or not, as its place in the order is
    ahead of the reader or behind; no row comes twice while its place stays. Raises TypeError for an order by
    an expression, and ValueError at a row that has no value to be ordered by.
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
    given = queryset.query.order_by or (queryset.model._meta.ordering if queryset.query.default_ordering else ())
    order = []
    for name in given:
        if not isinstance(name, str):
            raise TypeError(f"rows can be read by key in the order of columns, not of {name!r}")
        order.append(name)
        if name.removeprefix("-") in {"pk", queryset.model._meta.pk.name}:
            return order
    return [*order, "pk"]


def _after(order: Sequence[str], names: Sequence[str], values: Sequence[Any]) -> Q:
    """What comes behind the row with these values: later in the first column, or the same there and later behind."""
    if None in values:
        raise ValueError(f"a row without a value among {', '.join(names)} has no place in their order")
    behind = Q()
    for column, name, value in reversed(list(zip(order, names, values, strict=True))):
        later = f"{name}__lt" if column.startswith("-") else f"{name}__gt"
        is_later = Q(**{later: value})
        # the first condition says nothing new: it is what an index by the column is used for
        behind = Q(**{f"{later}e": value}) & (is_later | behind) if behind else is_later
    return behind
