"""`manage.py grant_tokens`: tokens for a person, by hand."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from accounts import ledger
from accounts.models import LedgerEntry, User
from studio.command_line import OperatorCommand


class Command(OperatorCommand):
    help = "Add tokens to a person's account, as an entry of its own in the ledger. Running it twice grants twice."
    examples = ("grant_tokens ann@example.com 500 --note 'invoice 2026-117'",)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", metavar="EMAIL", help="whose account, in any case")
        parser.add_argument("amount", metavar="AMOUNT", type=int, help="tokens; a video job costs 50")
        parser.add_argument("--note", required=True, help="why; the person sees it in their ledger")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        entry = self._grant(options["email"], options["amount"], options["note"].strip())
        answer = {"entryId": str(entry.pk), "amount": entry.amount, "balance": entry.balance_after}
        if options["json"]:
            self.answer(answer)
        else:
            self.stdout.write("Granted {amount} tokens; the balance is {balance} now.".format_map(answer))

    def _grant(self, email: str, amount: int, note: str) -> LedgerEntry:
        if not 0 < len(note) <= ledger.NOTE_MAX:
            raise CommandError(f"--note should say why, in 1 to {ledger.NOTE_MAX} characters.")
        try:
            user = User.objects.get_by_natural_key(email)
            return ledger.grant(user=user, tokens=amount, note=note)
        except User.DoesNotExist as exc:
            raise CommandError(f"Nobody has the address {email!r}.") from exc
