"""`manage.py export_account`: writes everything that is stored about a user to a file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from accounts.models import User
from operations.account_data import export
from studio.command_line import OperatorCommand


class Command(OperatorCommand):
    help = "Write the ZIP that a user gets from GET /auth/me/export, of any size."
    examples = ("export_account ann@example.com ann.zip --origin https://studio.example.com",)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="EMAIL|ID", help="the user's e-mail address, in any case, or id")
        parser.add_argument("file", metavar="FILE", type=Path, help="the ZIP to create; must not exist")
        parser.add_argument(
            "--origin", metavar="URL", default="", help="this server, for links to files of the local storage"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user, path = User.objects.find(options["user"]), options["file"]
        try:
            with path.open("xb") as file:
                path.chmod(0o600)  # personal data
                export.write(user=user, file=file, origin=options["origin"].rstrip("/"))
        except OSError as exc:
            raise CommandError(f"{path} cannot be written: {exc.strerror or exc}.") from exc
        self.stdout.write(f"Wrote {path}.")
