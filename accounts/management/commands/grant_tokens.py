"""`manage.py grant_tokens`: grants tokens to a user."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from accounts import ledger
from accounts.models import LedgerEntry, User
from studio.command_line import OperatorCommand


class Command(OperatorCommand):
    help = "Grant tokens to a user, as one entry in the ledger. Running it twice grants twice."
    examples = ("grant_tokens ann@example.com 500 --note 'invoice 2026-117'",)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", metavar="EMAIL", help="the user's e-mail address, in any case")
        parser.add_argument("amount", metavar="AMOUNT", type=int, help="number of tokens")
        parser.add_argument("--note", required=True, help="the reason; the user sees it in the ledger")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        entry = self._grant(options["email"], options["amount"], options["note"].strip())
        answer = {"entryId": str(entry.pk), "amount": entry.amount, "balance": entry.balance_after}
        if options["json"]:
            self.write_json(answer)
        else:
            self.stdout.write("Granted {amount} tokens; the balance is {balance} now.".format_map(answer))

    def _grant(self, email: str, amount: int, note: str) -> LedgerEntry:
        if not 0 < len(note) <= ledger.NOTE_MAX:
            raise CommandError(f"--note must give the reason, in 1 to {ledger.NOTE_MAX} characters.")
        try:
            user = User.objects.get_by_natural_key(email)
            return ledger.grant(user=user, tokens=amount, note=note)
        except User.DoesNotExist as exc:
            raise CommandError(f"No user has the e-mail address {email!r}.") from exc
