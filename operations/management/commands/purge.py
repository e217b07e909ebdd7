"""`manage.py purge`: lists and removes old data."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import CommandError

from operations.retention import default_days, purge, rules, span
from studio.command_line import OperatorCommand

OPTIONS = {
    "mock": "finished mock videos",
    "real": "finished videos that were paid for; kept unless you set this",
    "log": "log lines of finished jobs",
    "reply": "providers' replies about finished jobs, for staff",
    "sign-in": "records of sign-ins, ended API keys and ended links of looks",
    "webhook": "messages to webhooks, delivered or given up",
    "audit": "audit records of the back office",
}


def days(text: str) -> int:
    """A number of days, 0 for ever."""
    if not text.isdecimal() or int(text) > 36_500:
        raise ArgumentTypeError(f"{text!r} is not a whole number of days from 0 to 36,500")
    return int(text)


class Command(OperatorCommand):
    help = (
        "Remove data whose retention period is over. Without --yes, only list it. Works in small batches: the "
        "system may be running, Ctrl+C may stop it at any time, and the next run removes the rest. The ledger is never "
        "touched; the sweeper removes files in the background.\n"
        "The defaults come from PURGE_…_DAYS; 0 days mean for ever. The sweeper purges once a day in production, and "
        "in development with PURGE_DAILY=true; it continues from the day before, while this command checks "
        "everything. For unreferenced files see reconcile --fix."
    )
    examples = ("purge", "purge --yes", "purge --mock-days 7 --log-days 0 --yes", "purge --real-days 365 --yes --json")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--yes", action="store_true", help="remove it; otherwise only list it")
        defaults = default_days()
        for name, what in OPTIONS.items():
            parser.add_argument(
                f"--{name}-days",
                metavar="N",
                type=days,
                default=defaults[name],
                help=f"how long to keep {what} ({defaults[name] or 'for ever'})",
            )
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        kept = {name: options[f"{name.replace('-', '_')}_days"] for name in OPTIONS}
        found = []
        steps = purge(days=kept) if options["yes"] else ((rule, rule.count(span(rule))) for rule in rules(days=kept))
        try:
            for rule, count in steps:
                found.append({"what": rule.name, "days": rule.days, "count": count})
                if not options["json"]:
                    age = "that have expired" if rule.days is None else f"older than {rule.days} days"
                    self.stdout.write(f"{count:>9,}  {rule.what}, {age}")
        except KeyboardInterrupt as exc:
            raise CommandError("Stopped; run it again to remove the rest.") from exc
        if options["json"]:
            self.write_json({"removed": options["yes"], "found": found})
        elif not options["yes"]:
            self.stdout.write("Nothing was removed; add --yes to remove it.")
