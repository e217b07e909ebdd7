"""Moves the rows of one table, each once, in batches; every batch is a transaction."""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from django.db import DataError, IntegrityError, transaction

from operations.legacy_import.report import Report
from operations.legacy_import.schema import Table
from operations.legacy_import.source import Row, Source
from operations.legacy_import.values import UnusableRow
from studio.models import Record

DATES_BATCH = 100  # rows; bulk_update writes a CASE per row, and compares each row with all of them

R = TypeVar("R", bound=Record)


@dataclass
class Item(Generic[R]):
    """A source row, the instance made of it, and notes on what was changed."""

    row: Row
    made: R
    changes: list[str] = field(default_factory=list)


class Mover(ABC, Generic[R]):
    """Moves the rows of one table. Rows of an earlier run stay unchanged, so runs can be repeated."""

    table: ClassVar[Table]
    order: ClassVar[tuple[str, ...]]

    def __init__(self, *, source: Source, report: Report, shared_files: set[str]) -> None:
        """`shared_files` are the URLs that more than one row has."""
        self.source = source
        self.report = report
        self.shared_files = shared_files

    def move(self) -> None:
        """Move all rows. Committed batches stay if a later one fails; the next run continues from there."""
        self.report.count(self.table.name, "read", 0)
        for rows in self.source.batches(self.table, order=self.order):
            self.report.count(self.table.name, "read", len(rows))
            self._move_batch(rows)

    @abstractmethod
    def prepare(self, rows: Sequence[Row]) -> None:
        """Load what `convert` needs for these rows from both databases."""

    @abstractmethod
    def is_moved(self, row: Row) -> bool:
        """Whether the row was moved before, or made in this run. Raises UnusableRow."""

    @abstractmethod
    def convert(self, row: Row, changes: list[str]) -> R:
        """Make an instance of the row, and note differences in `changes`. Raises UnusableRow."""

    def write(self, items: Sequence[Item[R]]) -> None:
        """Insert the instances, with dependent rows; called in a transaction."""
        insert([item.made for item in items])

    def row_name(self, row: Row) -> str:
        """The key by which a person finds the row in the source."""
        return str(row["id"])

    def _move_batch(self, rows: Sequence[Row]) -> None:
        self.prepare(rows)
        items: list[Item[R]] = []
        for row in rows:
            try:
                if self.is_moved(row):
                    self.report.count(self.table.name, "there")
                    continue
                changes: list[str] = []
                items.append(Item(row, self.convert(row, changes), changes))
            except UnusableRow as exc:
                self.skip(row, str(exc))
        try:
            self._write(items)
        except (IntegrityError, DataError):
            for item in items:
                self._write_alone(item)

    def _write(self, items: Sequence[Item[R]]) -> None:
        with transaction.atomic():
            self.write(items)
        for item in items:
            self.report.count(self.table.name, "made")
            if item.changes:
                self.report.add(self.table.name, self.row_name(item.row), "changed", " ".join(item.changes))

    def _write_alone(self, item: Item[R]) -> None:
        try:
            self._write([item])
        except (IntegrityError, DataError) as exc:
            self.skip(item.row, f"The database refuses it: {str(exc).splitlines()[0]}")

    def skip(self, row: Row, reason: str) -> None:
        """Leave the row out, and report why."""
        self.report.add(self.table.name, self.row_name(row), "skipped", reason)


def insert(rows: Sequence[Any]) -> None:
    """Insert rows of one model with their own dates; bulk_create alone would set today's."""
    if not rows:
        return
    dates = [(row.created_at, row.updated_at) for row in rows]
    manager = type(rows[0])._default_manager
    manager.bulk_create(rows)
    for row, (created_at, updated_at) in zip(rows, dates, strict=True):
        row.created_at, row.updated_at = created_at, updated_at
    manager.bulk_update(rows, ["created_at", "updated_at"], batch_size=DATES_BATCH)


def uuids(values: Iterable[Any]) -> set[uuid.UUID]:
    """Parse the values that are ids; drop the others."""
    found = set()
    for value in values:
        try:
            found.add(uuid.UUID(str(value)))
        except ValueError:
            continue
    return found
