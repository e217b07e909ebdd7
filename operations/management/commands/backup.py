"""`manage.py backup`: all of a single machine's data in one file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from operations.backup.backup import back_up, excluded
from studio.command_line import OperatorCommand


class Command(OperatorCommand):
    help = (
        "Write the database, the files and the generated secrets of DATA_DIR to one archive (tar.gz); the system may "
        "be running. The archive holds the secrets: keep it as private as the machine. It does not hold .env, logs, "
        "and what PostgreSQL or Cloudinary keep; where you use them, a line on stderr says how to back them up."
    )
    examples = ("backup /backups/studio-$(date +%F).tar.gz", "restore /backups/studio-2026-11-24.tar.gz")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="the archive to write; an existing file is refused")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        manifest = back_up(path=options["file"])
        size = options["file"].stat().st_size
        if options["json"]:
            facts = {name: manifest[name] for name in ("files", "version", "created_at", "counts", "without")}
            self.write_json({"file": str(options["file"]), "bytes": size} | facts)
        else:
            counts = ", ".join(f"{count:,} {name}" for name, count in manifest["counts"].items() if count)
            self.stdout.write(f"{options['file']} has {manifest['files']:,} files in {size / 1e6:,.1f} MB.")
            self.stdout.write(f"In the database: {counts}." if counts else "In the database: nothing yet.")
        for sentence in excluded().values():
            self.stderr.write(sentence)
