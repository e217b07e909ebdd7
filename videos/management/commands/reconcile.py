"""`manage.py reconcile`: do rows, ledger and storage agree?"""

import dataclasses
import json
import sys
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from studio.command_line import NOT_WELL, OperatorCommand
from videos import runs
from videos.reconciliation import reconcile


class Command(OperatorCommand):
    help = (
        "Compare balances with the ledger, jobs with their charges and counts, and rows with stored files, both ways; "
        "money first. Each mismatch is printed as it is found; a storage that fails is one. "
        "The sweeper does the same a bit at a time every day, without --fix, into its log; it counts jobs again and "
        "copies refunds."
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
        as_json, fix = options["json"], options["fix"]
        left: Counter[str] = Counter()
        sentences: list[str] = []
        count = 0
        for mismatch in reconcile(fix=fix, progress=self.stderr.write):
            if as_json:  # one by one, as they come: there may be a million
                facts = json.dumps(dataclasses.asdict(mismatch), cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)
                self.stdout.write(f"{',' if count else '['}\n{facts}", ending="")
            else:
                self.stdout.write(f"{mismatch.kind:<10} {mismatch.sentence}")
            count += 1
            if not (fix and mismatch.is_mendable):
                left[mismatch.kind] += 1
                sentences = [*sentences, mismatch.sentence][: runs.SENTENCES_MAX]
        if as_json:
            self.stdout.write("\n]" if count else "[]")
        else:
            self.stdout.write(f"{count} mismatches." if count else "Everything agrees.")
        runs.record_complete(left, sentences)
        if count:
            sys.exit(NOT_WELL)
