"""`manage.py reconcile`: do rows, ledger and storage agree?"""

import dataclasses
import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from videos.reconciliation import reconcile


class Command(BaseCommand):
    help = (
        "Compare balances with the ledger, jobs with their charges, and rows with stored files, both ways. Exit status "
        "1 if anything does not agree. The sweeper does the same once a day, without --fix, into its log."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--fix", action="store_true", help="remove files that nothing refers to, in the background")
        parser.add_argument("--json", action="store_true", help="answer in JSON, for scripts")

    def handle(self, *args: Any, **options: Any) -> None:
        found = reconcile(fix=options["fix"])
        if options["json"]:
            self.stdout.write(json.dumps([dataclasses.asdict(mismatch) for mismatch in found], indent=2))
        else:
            for mismatch in found:
                self.stdout.write(f"{mismatch.kind:<10} {mismatch.sentence}")
            self.stdout.write(f"{len(found)} mismatches." if found else "Everything agrees.")
        if found:
            sys.exit(1)
