"""`manage.py stats`: figures about the videos made in the last days."""

import os
import shutil
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import asdict
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from operations.backup.backup import MEDIA, excluded
from operations.statistics import DURATIONS_MOST, Figures, days, figures, lost_submits_by_day
from studio.command_line import OperatorCommand

DAYS_MOST = 366


def number_of_days(text: str) -> int:
    """A number of days, today included."""
    if not text.isdecimal() or not 0 < int(text) <= DAYS_MOST:
        raise ArgumentTypeError(f"{text!r} is not a whole number of days from 1 to {DAYS_MOST}")
    return int(text)


class Command(OperatorCommand):
    help = (
        "Print how many videos were made and failed on each day (UTC), how long they took, their cost in tokens and "
        "(by the catalogue's prices) in dollars, why jobs failed, and how full the storage is."
    )
    examples = ("stats", "stats --days 30", "stats --days 1 --json | jq .failures", "stats --files")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--days", metavar="N", type=number_of_days, default=7, help="how many, today included (%(default)s)"
        )
        parser.add_argument("--files", action="store_true", help="also count the stored files; slow if there are many")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        rows = days(last=timezone.now().date(), count=options["days"])
        unknown = lost_submits_by_day(first=rows[0].date)
        sums = figures(since=datetime.combine(rows[0].date, time(), UTC))
        storage = _storage(counted=options["files"])
        if options["json"]:
            facts = asdict(sums) | {"failures": dict(sums.failures)}
            by_day = [asdict(row) | {"unknown": unknown.get(row.date, 0)} for row in rows]
            self.write_json(facts | {"days": by_day, "storage": storage})
            return
        self.stdout.write(f"{'DAY':<10} {'MADE':>8} {'FAILED':>8} {'UNKNOWN':>8}")
        for row in rows:
            self.stdout.write(f"{row.date} {row.made:>8,} {row.failed:>8,} {unknown.get(row.date, 0):>8,}")
        self.stdout.write("\n".join(["", *_lines(sums), *_storage_lines(storage)]))


def _lines(sums: Figures) -> list[str]:
    failures = ", ".join(f"{code} {count:,}" for code, count in sums.failures) or "none"
    return [
        f"In all    {sums.made:,} made, {sums.failed:,} failed, {sums.unknown:,} of them with an unknown outcome",
        f"Time      median {_seconds(sums.median_seconds)}, 95 % within {_seconds(sums.p95_seconds)} "
        f"(of the newest {DURATIONS_MOST:,} at most)",
        f"Tokens    {sums.tokens_charged:,} charged, {sums.tokens_refunded:,} refunded",
        f"Providers {sums.dollars:,.2f} US dollars by the catalogue's prices",
        f"Failures  {failures}",
    ]


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f} s"


def _storage(*, counted: bool) -> dict[str, Any]:
    """Facts about local storage only: a storage service bills the request."""
    if MEDIA in excluded():
        return {"where": "service"}
    root = Path(settings.MEDIA_ROOT)
    nearest = next(folder for folder in (root, *root.parents) if folder.exists())
    disk = shutil.disk_usage(nearest)
    facts: dict[str, Any] = {"where": str(root), "free_bytes": disk.free, "disk_bytes": disk.total}
    if counted:
        sizes = [(Path(folder) / name).stat().st_size for folder, _, names in os.walk(root) for name in names]
        facts |= {"files": len(sizes), "used_bytes": sum(sizes)}
    return facts


def _storage_lines(storage: dict[str, Any]) -> list[str]:
    if "free_bytes" not in storage:
        return ["Storage   a storage service; see its console"]
    lines = [f"Storage   {storage['free_bytes'] / 1e9:,.1f} of {storage['disk_bytes'] / 1e9:,.1f} GB are free"]
    if "files" in storage:
        lines += [
            f"          {storage['files']:,} files of {storage['used_bytes'] / 1e6:,.1f} MB in {storage['where']}"
        ]
    return lines
