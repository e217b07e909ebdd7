"""What a move has done: numbers for each table, and a line for each row that did not go as it was."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import IO, Any

SHOWN = 20  # lines that are kept for the console; all of them are in the file


@dataclass(frozen=True)
class Line:
    """One row that was left out, changed on its way, or is not what it was when it was moved."""

    table: str
    row: str
    outcome: str  # skipped, changed or differs
    reason: str


@dataclass
class Report:
    """Filled while the move goes on; every line goes to `file` at once, as JSON, so that there may be many."""

    file: IO[str] | None = None
    tables: dict[str, Counter[str]] = field(default_factory=dict)
    tokens: Counter[str] = field(default_factory=Counter)
    admins: list[str] = field(default_factory=list)
    without_password: int = 0
    lines: list[Line] = field(default_factory=list)

    def count(self, table: str, what: str, number: int = 1) -> None:
        """Add to the numbers of a table: read, made, there or skipped, and changed and differs besides."""
        self.tables.setdefault(table, Counter())[what] += number

    def tell(self, table: str, row: str, outcome: str, reason: str) -> None:
        """A line about a row."""
        self.count(table, outcome)
        line = Line(table, row, outcome, reason)
        if len(self.lines) < SHOWN:
            self.lines.append(line)
        if self.file:
            self.file.write(f"{json.dumps(line.__dict__, ensure_ascii=False)}\n")
            self.file.flush()

    @property
    def skipped(self) -> int:
        """How many rows were left out."""
        return sum(counts["skipped"] for counts in self.tables.values())

    @property
    def told(self) -> int:
        """How many lines there are."""
        return sum(counts[what] for counts in self.tables.values() for what in ("skipped", "changed", "differs"))

    def facts(self) -> dict[str, Any]:
        """All of it but the lines, for JSON."""
        kinds = ("read", "made", "there", "skipped", "changed", "differs")
        return {
            "tables": {name: {kind: counts[kind] for kind in kinds} for name, counts in self.tables.items()},
            "tokens": dict(self.tokens),
            "admins": self.admins,
            "withoutPassword": self.without_password,
        }
