"""`manage.py import_incumbent`: the former name of import_legacy. Remove it after release 1.1."""

from typing import Any

from operations.management.commands import import_legacy


class Command(import_legacy.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        self.stderr.write("import_incumbent is now called import_legacy; the next release drops the former name.")
        super().handle(*args, **options)
