"""`manage.py reconcile`: do rows, ledger and storage agree?"""

import dataclasses
import sys
from argparse import ArgumentParser
from typing import Any

from studio.command_line import NOT_WELL, OperatorCommand
from videos.reconciliation import reconcile


class Command(OperatorCommand):
    help = (
        "Compare balances with the ledger, jobs with their charges and counts, and rows with stored files, both ways. "
        "The sweeper does the same once a day, without --fix, into its log; it counts jobs again and copies refunds."
    )
    examples = ("reconcile", "reconcile --fix", "reconcile --json | jq -r '.[].sentence'")
    not_well = "something does not agree, or the storage cannot be read"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--fix",
            action="store_true",
            help="remove files that nothing refers to, in the background; count jobs again; copy refunds of the ledger",
        )
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        found = reconcile(fix=options["fix"])
        if options["json"]:
            self.answer([dataclasses.asdict(mismatch) for mismatch in found])
        else:
            for mismatch in found:
                self.stdout.write(f"{mismatch.kind:<10} {mismatch.sentence}")
            self.stdout.write(f"{len(found)} mismatches." if found else "Everything agrees.")
        if found:
            sys.exit(NOT_WELL)
