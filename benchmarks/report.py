"""The report of a part: tables on the screen, figures in the JSON, and targets met or missed."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Report:
    """Prints and saves each item at once, so that a part that is cut short loses none."""

    def __init__(self, part: str, path: Path, *, full: bool) -> None:
        self.full = full
        self._path = path
        self._kept: dict[str, Any] = {"part": part, "full": full, "figures": {}, "targets": [], "notes": []}

    def table(self, title: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Print it with its columns aligned, the first to the left and numbers to the right."""
        cells = [[_text(cell) for cell in row] for row in [header, *rows]]
        widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
        print(f"\n{title}")
        for number, row in enumerate(cells):
            first, *others = (cell.ljust(width) if not at else cell.rjust(width) for at, (cell, width) in
                              enumerate(zip(row, widths, strict=True)))  # fmt: skip
            print(f"  {'  '.join([first, *others])}")
            if not number:
                print(f"  {'  '.join('-' * width for width in widths)}", flush=True)
        self.keep(title, [dict(zip(header, row, strict=True)) for row in rows])

    def say(self, sentence: str) -> None:
        """Print a remark, and keep it."""
        print(f"  {sentence}", flush=True)
        self._kept["notes"].append(sentence)
        self._write()

    def keep(self, name: str, value: Any) -> None:
        """Put a figure into the JSON."""
        self._kept["figures"][name] = value
        self._write()

    def target(
        self, name: str, *, value: float, limit: float, unit: str = "×", at_least: bool = False, judged: bool = True
    ) -> None:
        """Print whether a target is met; `judged`: whether this run can judge it."""
        met = value >= limit if at_least else value <= limit
        sign = "≥" if at_least else "≤"
        verdict = ("met" if met else "missed") if judged else "not judged"
        line = f"{name}: target {sign} {_text(limit)}{unit}: {_text(value)}{unit} — {verdict}"
        print(f"  {line}", flush=True)
        if not judged:
            self.keep(name, value)
            return
        self._kept["targets"].append(
            {"name": name, "value": value, "limit": limit, "unit": unit, "at_least": at_least, "met": met, "line": line}
        )
        self._write()

    def _write(self) -> None:
        self._path.write_text(json.dumps(self._kept, indent=2, default=str) + "\n")


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"
