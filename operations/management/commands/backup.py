"""`manage.py backup`: all of a single machine's data in one file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from operations.backup.backup import back_up, elsewhere
from studio.command_line import OperatorCommand


class Command(OperatorCommand):
    help = (
        "Keep the database, the files and the generated secrets of DATA_DIR in one archive (tar.gz), also while the "
        "system runs. Whoever has the archive has the secrets: keep it as private as the machine. Not in it: .env, "
        "logs, and what PostgreSQL or Cloudinary hold; where they are used, the answer says what to do about that."
    )
    examples = ("backup /backups/studio-$(date +%F).tar.gz", "restore /backups/studio-2026-11-24.tar.gz")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="where to; never written over another file")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        manifest = back_up(path=options["file"])
        size = options["file"].stat().st_size
        advice = elsewhere()
        if options["json"]:
            facts = {name: manifest[name] for name in ("version", "created_at", "counts", "without")}
            self.answer({"file": str(options["file"]), "bytes": size, "files": len(manifest["files"])} | facts)
        else:
            counts = ", ".join(f"{count:,} {name}" for name, count in manifest["counts"].items() if count)
            self.stdout.write(f"{options['file']} has {len(manifest['files']):,} files in {size / 1e6:,.1f} MB.")
            self.stdout.write(f"In the database: {counts}." if counts else "In the database: nothing yet.")
        for sentence in advice.values():
            self.stderr.write(sentence)
