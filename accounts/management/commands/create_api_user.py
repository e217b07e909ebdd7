"""`manage.py create_api_user`: creates an account for a user or a program."""

import secrets
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from accounts.ledger import TOKENS_MAX
from accounts.models import User
from accounts.registration import EmailTaken, create_user, validate_new_user
from accounts.roles import MEANINGS, Role, role_of
from studio.command_line import OperatorCommand


class Command(OperatorCommand):
    help = (
        "Create an account, even if registration is closed. Without --password-stdin a password is generated, and "
        "printed once."
    )
    examples = (
        "create_api_user ann@example.com --tokens 500",
        "create_api_user ops@example.com --staff --if-missing --json",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("email", metavar="EMAIL", help="the e-mail address to sign in with")
        add("--password-stdin", action="store_true", help="take the password from the first line of stdin")
        add("--staff", action="store_true", help="the same as --role admin")
        add(
            "--role",
            choices=[role.value for role in Role if role],
            help="the role. "
            + " ".join(f"{role.value}: {meaning}" for role, meaning in MEANINGS.items() if role != Role.NONE),
        )
        add("--tokens", metavar="N", type=int, default=settings.SIGNUP_TOKENS, help="initial balance (%(default)s)")
        add("--if-missing", action="store_true", help="succeed, and change nothing, if the account exists")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["staff"] and options["role"] not in {None, "admin"}:
            raise CommandError("--staff is the same as --role admin; leave it out.")
        if not 0 <= options["tokens"] <= TOKENS_MAX:
            raise CommandError(f"--tokens is {options['tokens']}; it should be from 0 to {TOKENS_MAX:,}.")
        generated = "" if options["password_stdin"] else secrets.token_urlsafe(18)
        try:
            user = self._create(generated or sys.stdin.readline().rstrip("\r\n"), options)
        except EmailTaken as exc:
            if not options["if_missing"]:
                raise CommandError(f"{exc.message} With --if-missing that is not an error.") from exc
            self._print_user(User.objects.get_by_natural_key(options["email"]), options, created=False)
        else:
            self._print_user(user, options, created=True, password=generated)

    def _create(self, password: str, options: dict[str, Any]) -> User:
        validate_new_user(email=options["email"], password=password)
        role = Role(options["role"] or (Role.ADMIN if options["staff"] else Role.NONE))
        return create_user(
            email=options["email"], password=password, tokens=options["tokens"], role=role, verified=True
        )

    def _print_user(self, user: User, options: dict[str, Any], *, created: bool, password: str = "") -> None:
        balance = user.token_account.balance
        if options["json"]:
            answer = {"id": str(user.pk), "email": user.email, "isStaff": user.is_staff, "balance": balance}
            answer |= {"role": role_of(user).value or None, "created": created, "password": password or None}
            self.write_json(answer)
            return
        self.stdout.write(f"{user.email} {'was created' if created else 'exists already'}, with {balance} tokens.")
        if password:
            self.stdout.write(f"Password: {password}")
