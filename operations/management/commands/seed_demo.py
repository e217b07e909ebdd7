"""`manage.py seed_demo`: an account with looks and videos."""

import secrets
import sys
from argparse import ArgumentParser
from typing import Any

from accounts.models import User
from accounts.registration import create_user, validate_new_user
from operations.demo import demonstration
from operations.demo.account import DEMO_EMAIL
from studio.command_line import OperatorCommand


class Command(OperatorCommand):
    help = (
        "Fill an account with looks, and with videos in every state; nothing is downloaded. Creates the account if it "
        "is missing. Running it again adds only what is missing."
    )
    examples = ("seed_demo", "seed_demo ann@example.com --password-stdin < password.txt")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", metavar="EMAIL", nargs="?", default=DEMO_EMAIL, help="%(default)s")
        parser.add_argument(
            "--password-stdin", action="store_true", help="a new account's password is the first line of stdin"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = self._user(options["email"], from_stdin=options["password_stdin"])
        added = False
        for part in demonstration.fill(user=user):
            self.stdout.write(f"Added: {part}.")
            added = True
        if not added:
            self.stdout.write(f"{user.email} has everything already; nothing was added.")

    def _user(self, email: str, *, from_stdin: bool) -> User:
        try:
            return User.objects.get_by_natural_key(email)
        except User.DoesNotExist:
            password = sys.stdin.readline().rstrip("\r\n") if from_stdin else secrets.token_urlsafe(12)
            validate_new_user(email=email, password=password)
            user = create_user(email=email, password=password, verified=True)
            self.stdout.write(f"{user.email} was created. Password: {'from stdin' if from_stdin else password}")
            return user
