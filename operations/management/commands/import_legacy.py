"""`manage.py import_legacy`: imports the database of the legacy system, which this one replaces."""

import contextlib
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any

from django.core.management.base import CommandError

from operations.legacy_import.move import Move, move
from operations.legacy_import.report import CONSOLE_LINES, Report
from studio.command_line import FAILURE, OperatorCommand


class Command(OperatorCommand):
    help = (
        "Import users, looks, products, shares, video jobs, links and token balances from the legacy system's "
        "PostgreSQL, which is only read. Rows that exist here already stay unchanged, so you can run it again: after "
        "a crash, and for new rows. Begin with --dry-run; docs/legacy-import.md has the whole plan."
    )
    examples = (
        "import_legacy --source postgresql://reader@db/old --report moved.jsonl --dry-run",
        "import_legacy --source postgresql://reader@db/old --report moved.jsonl",
    )
    failure = "rows were left out, or the source cannot be read"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--source",
            metavar="URL",
            required=True,
            help="its DATABASE_URL; a password may be in ~/.pgpass instead, where `ps` does not show it",
        )
        parser.add_argument("--dry-run", action="store_true", help="do all of it, then roll it back")
        parser.add_argument(
            "--report", metavar="FILE", help="a line of JSON for each row that was left out, changed, or differs"
        )
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        with _report_file(options["report"]) as file:
            done = move(source_url=options["source"], report=Report(file=file), dry_run=options["dry_run"])
        if options["json"]:
            self.write_json(_facts(done, dry_run=options["dry_run"]))
        else:
            self._print(done, file_name=options["report"] or "", dry_run=options["dry_run"])
        if done.report.skipped:
            sys.exit(FAILURE)

    def _print(self, done: Move, *, file_name: str, dry_run: bool) -> None:
        report = done.report
        self.stdout.write(f"{'':<12}{'read':>9}{'made':>9}{'there':>9}{'skipped':>9}{'changed':>9}{'differs':>9}")
        for name, counts in report.facts()["tables"].items():
            self.stdout.write(f"{name:<12}" + "".join(f"{number:>9}" for number in counts.values()))
        self.stdout.write(
            "Tokens: {opened} opened, {refunded} refunded for unfinished jobs. Not moved: {transactions} transactions, "
            "which sum to {transactions_sum}, and {balances_of_nobody} balances without a user.".format_map(
                report.tokens
            )
        )
        self._print_unmoved(done)
        if report.admins:
            self.stdout.write(f"Admins here now: {', '.join(report.admins)}.")
        if report.with_google_id:
            self.stdout.write(f"{report.with_google_id} users can sign in with Google: docs/google-sign-in.md.")
        if report.without_password:
            self.stdout.write(
                f"{report.without_password} users have neither a password nor a Google id. Each can set a password by "
                "the link that “Forgot password” mails (POST /api/v1/auth/password/reset)."
            )
        for line in report.lines:
            self.stdout.write(f"{line.outcome:<8} {line.table} {line.row}: {line.reason}")
        if report.line_count > CONSOLE_LINES:
            self.stdout.write(
                f"... {report.line_count} in all, {f'in {file_name}' if file_name else 'with --report FILE'}."
            )
        self.stdout.write(_conclusion(report, dry_run=dry_run))

    def _print_unmoved(self, done: Move) -> None:
        for title, names in (
            ("Not in the source", done.unmoved.absent),
            ("Tables that are not moved", [f"{name} ({rows} rows)" for name, rows in done.unmoved.tables.items()]),
            ("Columns that are not moved", done.unmoved.columns),
        ):
            if names:
                self.stdout.write(f"{title}: {', '.join(names)}.")


def _report_file(name: str | None) -> "contextlib.AbstractContextManager[IO[str] | None]":
    if not name:
        return contextlib.nullcontext()
    try:
        return Path(name).open("w", encoding="utf-8")
    except OSError as exc:
        raise CommandError(f"--report should be a file that can be written; {exc}.") from exc


def _conclusion(report: Report, *, dry_run: bool) -> str:
    made = sum(counts["made"] for counts in report.tables.values())
    if dry_run:
        return f"A dry run: nothing was written; {made} rows would be made."
    return f"{made} rows were made." if made else "Nothing was changed: everything that can be moved exists here."


def _facts(done: Move, *, dry_run: bool) -> dict[str, Any]:
    unmoved = done.unmoved
    return {
        "dryRun": dry_run,
        **done.report.facts(),
        "unmoved": {"tables": unmoved.tables, "columns": unmoved.columns, "absent": unmoved.absent},
        "lines": [line.__dict__ for line in done.report.lines],
        "linesInAll": done.report.line_count,
    }
