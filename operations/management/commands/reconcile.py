"""`manage.py reconcile`: compares rows, ledger and stored files."""

import dataclasses
import json
import sys
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import CommandError
from django.core.serializers.json import DjangoJSONEncoder

from operations.reconciliation import runs
from operations.reconciliation.comparison import reconcile
from operations.reconciliation.stray_listing import stray_files
from studio.command_line import FAILURE, OperatorCommand


class Command(OperatorCommand):
    help = (
        "Compare balances with the ledger, jobs with their charges and counts, and rows with stored files, both ways; "
        "money first. Mismatches are printed at once; a storage that fails is one. The sweeper compares everything "
        "daily, in small steps, and logs the mismatches; it removes no files, but counts jobs again and copies refunds."
    )
    examples = ("reconcile", "reconcile --fix", "reconcile --strays", "reconcile --json | jq -r '.[].sentence'")
    failure = "something does not agree, or the storage cannot be read"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--fix",
            action="store_true",
            help="remove unreferenced files, in the background; count jobs again; copy refunds from the ledger",
        )
        parser.add_argument(
            "--strays",
            action="store_true",
            help="only list unreferenced files, with size and date; Cloudinary's through its Admin API",
        )
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["strays"]:
            self._list_strays(as_json=options["json"])
            return
        as_json, fix = options["json"], options["fix"]
        left: Counter[str] = Counter()
        sentences: list[str] = []
        count = 0
        for mismatch in reconcile(fix=fix, progress=self.stderr.write):
            if as_json:  # one by one: there may be a million
                facts = json.dumps(dataclasses.asdict(mismatch), cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)
                self.stdout.write(f"{',' if count else '['}\n{facts}", ending="")
            else:
                self.stdout.write(f"{mismatch.kind:<10} {mismatch.sentence}")
            count += 1
            if not (fix and mismatch.is_fixable):
                left[mismatch.kind] += 1
                if len(sentences) < runs.SENTENCES_MAX:
                    sentences.append(mismatch.sentence)
        if as_json:
            self.stdout.write("\n]" if count else "[]")
        else:
            self.stdout.write(f"{count} mismatches." if count else "Everything agrees.")
        runs.record_complete(left, sentences)
        if count:
            sys.exit(FAILURE)

    def _list_strays(self, *, as_json: bool) -> None:
        """In JSON, one object a line: there may be more than fit into memory."""
        count = size = 0
        try:
            for file in stray_files():
                count, size = count + 1, size + file.size_bytes
                moment = file.modified_at.isoformat(timespec="seconds")
                if as_json:
                    facts = {"name": file.names[0], "bytes": file.size_bytes, "modifiedAt": moment}
                    self.stdout.write(json.dumps(facts, ensure_ascii=False))
                else:
                    self.stdout.write(f"{moment} {file.size_bytes:>13,} {file.names[0]}")
        except OSError as exc:
            raise CommandError(f"After {count:,} files without a row the storage cannot be listed: {exc}") from exc
        if not as_json:
            self.stdout.write(f"{count:,} files without a row, {size / 1e6:,.1f} MB.")
        if count:
            sys.exit(FAILURE)
