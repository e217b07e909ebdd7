"""`manage.py restore`: a backup in the place of DATA_DIR's data."""

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from operations.backup.restore import restore
from operations.backup.settle import check_no_sweeper_runs, settle_restored_jobs
from studio.command_line import USAGE, OperatorCommand


class Command(OperatorCommand):
    help = (
        "Put a backup in the place of the data in DATA_DIR. The archive is unpacked and checked first; then everything "
        "is exchanged at once, or nothing is. The former data is kept aside. The system must be stopped.\n"
        "Nothing is paid for twice: paid jobs that waited at the time of the backup may have been submitted since, so "
        "they fail as submission_unknown and are refunded; adopt_operation continues one whose operation you find."
    )
    examples = (
        "restore /backups/studio-2026-11-24.tar.gz",
        "restore /backups/studio-2026-11-24.tar.gz --replace",
        "restore --settle     (after pg_restore, before anything is started)",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, nargs="?", help="an archive of manage.py backup")
        parser.add_argument("--replace", action="store_true", help="also where DATA_DIR has data; that is kept aside")
        parser.add_argument(
            "--settle", action="store_true", help="only settle the jobs of a database that was restored in another way"
        )
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if (options["file"] is None) != options["settle"]:
            raise CommandError("Name the archive or add --settle, not both.", returncode=USAGE)
        if options["settle"]:
            check_no_sweeper_runs()
            settled = settle_restored_jobs()
            if options["json"]:
                self.write_json({"settled": settled})
            else:
                self._print_settled(settled)
            return
        done = restore(path=options["file"], replace=options["replace"])
        if options["json"]:
            facts = {name: done.manifest[name] for name in ("version", "created_at", "counts", "without")}
            self.write_json(facts | {"aside": str(done.aside) if done.aside else None, "settled": done.settled})
            return
        counts = ", ".join(f"{count:,} {name}" for name, count in done.manifest["counts"].items() if count)
        self.stdout.write(f"Restored the data of {done.manifest['created_at']}: {counts or 'nothing'}.")
        if done.aside:
            self.stdout.write(f"The former data is in {done.aside}; remove it once the system works.")
        self._print_settled(done.settled)

    def _print_settled(self, settled: Counter[str]) -> None:
        self.stdout.write(
            f"Jobs: {settled['failed']} may have been paid for since and failed as submission_unknown, "
            f"{settled['requeued']} free ones start again, {settled['go on']} continue."
        )
        if settled["messages dropped"]:
            self.stdout.write(f"Webhooks: {settled['messages dropped']} messages that waited will not be sent.")
        self.stdout.write("Start the system, then run manage.py reconcile and manage.py doctor.")
