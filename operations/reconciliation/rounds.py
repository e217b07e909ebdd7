"""Goes once round a table by primary key, from any row on: what is taken up again needs no more than a key."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

JOBS = 1000  # rows a page; some ten milliseconds and a megabyte
_KEYS = 1 << 32  # what the first eight digits of a random key count up to


@dataclass
class Round:
    """A way round a table: from `begin` to the end, and from the beginning to `begin`."""

    begin: str = ""  # the key after which it began; "" for the first row
    after: str = ""  # the last key that was seen; "" before the first row
    is_past_end: bool = False  # on its way from the first row to `begin`
    is_over: bool = False

    @classmethod
    def from_key(cls, key: str) -> "Round":
        """A new one that begins after this key."""
        return cls(begin=key, after=key)

    def page(self, rows: "QuerySet[Any, tuple[Any, ...]]", size: int) -> list[tuple[Any, ...]]:
        """The next rows, at most `size`, and a step forward; none at the table's end and when it is over.

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
        """How much of the table lies before `after`, from 0 to 1: keys are random, so they are spread evenly."""
        return int(self.after[:8], 16) / _KEYS if self.after else 0.0
