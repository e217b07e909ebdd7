"""What our commands share: help that teaches, errors as one sentence, and exit statuses that mean something."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, DjangoHelpFormatter, SystemCheckError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, InterfaceError

from studio.errors import StudioError

# Exit statuses: found something, or refused; and argparse's own for a command line that makes no sense.
NOT_WELL, USAGE = 1, 2


class HelpFormatter(DjangoHelpFormatter):
    """Wraps paragraphs, and leaves indented lines as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        fill = super()._fill_text
        return "\n".join(line if line.startswith(" ") else fill(line, width, indent) for line in text.splitlines())


class OperatorCommand(BaseCommand):
    """A command for people who never saw the system, and for scripts."""

    # Django's own options work, and are explained by `manage.py help`
    suppressed_base_arguments = {
        "--version",
        "--verbosity",
        "--settings",
        "--pythonpath",
        "--no-color",
        "--force-color",
        "--skip-checks",
    }
    _called_from_command_line: bool  # Django's
    requires_system_checks: Any = ()  # `up` and `check` have Django's; they load every page, which takes a second
    examples: tuple[str, ...] = ()  # what comes after `manage.py`
    not_well = "refused; a sentence on stderr says why"  # what exit status 1 means

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """With examples and exit statuses below the options."""
        kwargs |= {"formatter_class": HelpFormatter, "epilog": self._epilog()}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def _epilog(self) -> str:
        examples = "\n".join(["Examples:", *(f"  manage.py {line}" for line in self.examples), ""])
        return f"{examples}\nExit status: 0 well, 1 {self.not_well}, 2 wrong usage."

    def add_json(self, parser: ArgumentParser) -> None:
        """The option of every command whose answer a script would read."""
        parser.add_argument("--json", action="store_true", help="answer in JSON, for scripts")

    def answer(self, facts: Any) -> None:
        """Write them as JSON."""
        self.stdout.write(json.dumps(facts, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False))

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run it; whatever stands in the way is one sentence and exit status 1."""
        try:
            return super().execute(*args, **options)
        except SystemCheckError:
            raise  # a list, in Django's own words
        except (CommandError, StudioError, DatabaseError, InterfaceError) as exc:
            status = exc.returncode if isinstance(exc, CommandError) else NOT_WELL
            if not self._called_from_command_line or options["traceback"]:
                raise CommandError(_sentence(exc), returncode=status) from exc
            self.stderr.write(_sentence(exc))
            sys.exit(status)


def _sentence(exc: Exception) -> str:
    if isinstance(exc, DatabaseError | InterfaceError):
        reason = str(exc).strip().partition("\n")[0]
        return f"The database cannot do this ({reason}); manage.py doctor says more."
    return str(exc)
