"""The ledger as CSV and XLSX, in bounded memory.

One statement reads each batch of rows, so a slow client keeps no transaction open.
"""

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import IO, Any

from django.db.models import QuerySet

from accounts.models import LedgerEntry
from studio.db import batches

COLUMNS = {
    "time (UTC)": "created_at",
    "e-mail": "account__user__email",
    "kind": "kind",
    "tokens": "amount",
    "balance after": "balance_after",
    "video job": "video_job_id",
    "note": "note",
    "by": "actor__email",
    "entry": "id",
}
CHUNK = 2000  # rows in memory at once
XLSX_MAX = 200_000  # rows; the format allows a million, but the download would begin after minutes
# A spreadsheet runs text that begins with these as a formula: OWASP, "CSV Injection", read 2026-11.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - a Japanese Excel accepts these, too


def escape_formula(text: str) -> str:
    """The text, with an apostrophe before it if a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(FORMULA) or text.lstrip().startswith(FORMULA) else text


def rows_of(entries: QuerySet[LedgerEntry]) -> Iterator[list[Any]]:
    """Rows for the export, in the entries' order. Numbers and times stay as they are; other values become safe text."""
    for row in batches.rows(entries, *COLUMNS.values(), batch=CHUNK):
        yield [_cell(value) for value in row]


def csv_lines(entries: QuerySet[LedgerEntry]) -> Iterator[str]:
    """The lines of a CSV with a header. It begins with a byte order mark, by which Excel recognises UTF-8."""
    write = csv.writer(_Echo()).writerow
    yield "\ufeff"
    for row in _with_header(entries):
        yield write([f"{value:%Y-%m-%dT%H:%M:%S.%fZ}" if isinstance(value, datetime) else value for value in row])


def write_xlsx(entries: QuerySet[LedgerEntry], file: IO[bytes]) -> None:
    """Write an XLSX of one sheet; openpyxl buffers the rows on disk."""
    # imported here: it takes half as long as importing Django, and exports are rare
    from openpyxl import Workbook  # noqa: PLC0415
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE  # noqa: PLC0415

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Ledger")
    sheet.freeze_panes = "A2"
    for row in _with_header(entries):
        sheet.append([ILLEGAL_CHARACTERS_RE.sub("", value) if isinstance(value, str) else value for value in row])
    book.save(file)


def _with_header(entries: QuerySet[LedgerEntry]) -> Iterable[list[Any]]:
    yield list(COLUMNS)
    yield from rows_of(entries)


def _cell(value: Any) -> Any:
    if isinstance(value, int):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None)  # XLSX knows no time zones
    return escape_formula(str(value)) if value is not None else ""


class _Echo:
    """A file whose `write` returns the line."""

    def write(self, line: str) -> str:
        return line
