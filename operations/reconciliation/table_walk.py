"""Walks once round a table by primary key, from any row: a walk resumes from its last key."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

JOBS_PAGE = 1000  # rows; some ten milliseconds and a megabyte
_KEYS = 1 << 32  # number of values of a random key's first eight digits


@dataclass
class TableWalk:
    """A walk round a table: from `begin` to the end, and from the beginning to `begin`."""

    begin: str = ""  # the key after which it began; "" for the first row
    after: str = ""  # the last key that was seen; "" before the first row
    is_past_end: bool = False  # between the first row and `begin`
    is_over: bool = False

    @classmethod
    def from_key(cls, key: str) -> "TableWalk":
        """Start after this key."""
        return cls(begin=key, after=key)

    def page(self, rows: "QuerySet[Any, tuple[Any, ...]]", size: int) -> list[tuple[Any, ...]]:
        """Return the next rows, at most `size`, and step forward; none at the table's end and when the walk is over.

        `rows` are tuples that begin with the primary key.
        """
        if self.is_over:
            return []
        if self.after:
            rows = rows.filter(pk__gt=uuid.UUID(self.after))
        if self.is_past_end:
            rows = rows.filter(pk__lte=uuid.UUID(self.begin))
        page = list(rows.order_by("pk")[:size])
        if len(page) == size:
            self.after = str(page[-1][0])
        elif self.begin and not self.is_past_end:
            self.is_past_end, self.after = True, ""
        else:
            self.is_over, self.after = True, self.begin
        return page

    def share(self) -> float:
        """The part of the table before `after`, from 0 to 1; keys are random, so they are evenly spread."""
        return int(self.after[:8], 16) / _KEYS if self.after else 0.0
