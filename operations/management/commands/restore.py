"""`manage.py restore`: a backup in the place of DATA_DIR's data."""

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from operations.backup.restore import restore
from operations.backup.settle import check_nobody_works, settle_restored_jobs
from studio.command_line import USAGE, OperatorCommand


class Command(OperatorCommand):
    help = (
        "Put a backup in the place of the data in DATA_DIR. The archive is examined first; then everything is "
        "exchanged at once, or nothing is. The former data is kept aside. The system must be stopped.\n"
        "Nothing is paid for twice: paid jobs that waited when the backup was taken may have been submitted since, so "
        "they fail as submission_unknown and give their tokens back; adopt_operation lets one go on."
    )
    examples = (
        "restore /backups/studio-2026-11-24.tar.gz",
        "restore /backups/studio-2026-11-24.tar.gz --replace",
        "restore --settle     (after pg_restore, before anything is started)",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, nargs="?", help="what manage.py backup has written")
        parser.add_argument("--replace", action="store_true", help="also where DATA_DIR has data; that is kept aside")
        parser.add_argument(
            "--settle", action="store_true", help="only settle the jobs of a database that was restored in another way"
        )
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if (options["file"] is None) != options["settle"]:
            raise CommandError("Name the archive, or say --settle, and not both.", returncode=USAGE)
        if options["settle"]:
            check_nobody_works()
            self._tell({"settled": settle_restored_jobs()}, as_json=options["json"])
            return
        settled: Counter[str] = Counter()
        manifest, aside = restore(
            path=options["file"],
            replace=options["replace"],
            look=check_nobody_works,
            settle=lambda: settled.update(settle_restored_jobs()),
        )
        facts = {name: manifest[name] for name in ("version", "created_at", "counts", "without")}
        self._tell(facts | {"aside": str(aside) if aside else None, "settled": settled}, as_json=options["json"])

    def _tell(self, facts: dict[str, Any], *, as_json: bool) -> None:
        if as_json:
            self.answer(facts)
            return
        if "created_at" in facts:
            counts = ", ".join(f"{count:,} {name}" for name, count in facts["counts"].items() if count)
            self.stdout.write(f"Restored what there was at {facts['created_at']}: {counts or 'nothing'}.")
        settled = facts["settled"]
        self.stdout.write(
            f"Jobs: {settled['failed']} may have been paid for since and failed as submission_unknown, "
            f"{settled['requeued']} free ones start again, {settled['go on']} go on."
        )
        if aside := facts.get("aside"):
            self.stdout.write(f"The former data is in {aside}; remove it when all is well.")
        self.stdout.write("Start the system, and see what manage.py reconcile and manage.py doctor say.")
