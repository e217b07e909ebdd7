"""`manage.py move_files`: moves stored files into the storage that the settings name."""

import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections import Counter
from typing import Any

from operations.file_moves.mover import KEPT_DAYS, Moves, former_of, move_files, remaining
from studio.command_line import FAILURE, OperatorCommand

PROGRESS_SECONDS = 10.0


def _number(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError("a whole number from 1 on")
    return int(text)


class Command(OperatorCommand):
    help = (
        "Move all videos, posters, look pictures and inputs into the storage that the settings name, while the system "
        "runs. First change the settings and restart everything: new files then go to the new storage, and old ones "
        "are read from the former one. Each copy is compared by size and digest before its row changes. The former "
        f"file is removed {KEPT_DAYS} days later; URLs that clients have work until then. Start an interrupted run "
        "again; several may run at once. See docs/storage.md."
    )
    examples = (
        "move_files --to cloudinary --dry-run",
        "move_files --to cloudinary --limit 100",
        "move_files --to local     (with CLOUDINARY_PREVIOUS_URL)",
    )
    failure = "refused, or some files were not moved; a sentence says why"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--to", choices=("cloudinary", "local"), required=True, help="the storage that the settings name"
        )
        parser.add_argument("--limit", type=_number, help="move at most this many files")
        parser.add_argument("--dry-run", action="store_true", help="only count the files that are left")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"]:
            former_of(to=options["to"])
            self._count()
            return
        self._printed_at = time.monotonic()
        moves = move_files(to=options["to"], limit=options["limit"], on_progress=self._print_progress)
        self.stdout.write(_sentence(moves))
        if moves.counts["failed"]:
            sys.exit(FAILURE)

    def _count(self) -> None:
        counts = Counter(f"{model.__name__}.{column}" for model, column, _, _ in remaining())
        for name, count in counts.items():
            self.stdout.write(f"{count:>10,} {name}")
        self.stdout.write(f"{counts.total():,} files are in the former storage.")

    def _print_progress(self, moves: Moves, sentence: str) -> None:
        if sentence:
            self.stderr.write(sentence)
        if time.monotonic() - self._printed_at > PROGRESS_SECONDS:
            self._printed_at = time.monotonic()
            self.stdout.write(_sentence(moves))


def _sentence(moves: Moves) -> str:
    counts = moves.counts
    parts = [f"{counts['moved']:,} files moved ({moves.bytes / 1e6:,.1f} MB)"]
    if counts["changed"]:
        parts.append(f"{counts['changed']:,} changed meanwhile")
    if counts["foreign"]:
        parts.append(f"{counts['foreign']:,} of another account or folder stay there")
    if counts["failed"]:
        parts.append(f"{counts['failed']:,} not moved")
    return f"{', '.join(parts)}."
