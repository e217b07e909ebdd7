"""The report of a move: counts by table, and a line for each row that was skipped, changed, or differs."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import IO, Any

CONSOLE_LINES = 20  # lines kept for the console; the file has all


@dataclass(frozen=True)
class Line:
    """A row that was left out, was changed, or has changed in the source since it was moved."""

    table: str
    row: str
    outcome: str  # skipped, changed or differs
    reason: str


@dataclass
class Report:
    """Filled during the move; each line is written to `file` at once, as JSON, since there may be many."""

    file: IO[str] | None = None
    tables: dict[str, Counter[str]] = field(default_factory=dict)
    tokens: Counter[str] = field(default_factory=Counter)
    admins: list[str] = field(default_factory=list)
    with_google_id: int = 0
    without_password: int = 0  # and without a Google id
    lines: list[Line] = field(default_factory=list)

    def count(self, table: str, what: str, number: int = 1) -> None:
        """Add to a count of the table: read, made, there, skipped, changed or differs."""
        self.tables.setdefault(table, Counter())[what] += number

    def add(self, table: str, row: str, outcome: str, reason: str) -> None:
        self.count(table, outcome)
        line = Line(table, row, outcome, reason)
        if len(self.lines) < CONSOLE_LINES:
            self.lines.append(line)
        if self.file:
            self.file.write(f"{json.dumps(line.__dict__, ensure_ascii=False)}\n")
            self.file.flush()

    @property
    def skipped(self) -> int:
        """The number of rows that were left out."""
        return sum(counts["skipped"] for counts in self.tables.values())

    @property
    def line_count(self) -> int:
        return sum(counts[what] for counts in self.tables.values() for what in ("skipped", "changed", "differs"))

    def facts(self) -> dict[str, Any]:
        """Everything but the lines, for JSON."""
        kinds = ("read", "made", "there", "skipped", "changed", "differs")
        return {
            "tables": {name: {kind: counts[kind] for kind in kinds} for name, counts in self.tables.items()},
            "tokens": dict(self.tokens),
            "admins": self.admins,
            "withGoogleId": self.with_google_id,
            "withoutPassword": self.without_password,
        }
