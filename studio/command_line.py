"""The base of our management commands: help with examples, errors as one sentence, and exit statuses."""

import json
import shutil
import sys
import textwrap
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, DjangoHelpFormatter, SystemCheckError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, InterfaceError

from studio.errors import StudioError

# Exit statuses: the command failed or found a fault; argparse's own for wrong usage.
FAILURE, USAGE = 1, 2


class HelpFormatter(RawDescriptionHelpFormatter, DjangoHelpFormatter):
    """Leaves description and epilog as `_wrapped` has set them."""


class OperatorCommand(BaseCommand):
    """A command for operators who do not know the system, and for scripts."""

    # Django's own options work; `manage.py help` explains them
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
    requires_system_checks: Any = ()  # `up` and `check` run them; they load every page, which takes a second
    examples: tuple[str, ...] = ()  # without `manage.py`
    failure = "refused; a sentence on stderr says why"  # the meaning of exit status 1

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Django's, with examples and exit statuses below the options."""
        kwargs |= {"formatter_class": HelpFormatter, "epilog": _wrapped(self._epilog())}
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.description = _wrapped(parser.description or "")
        return parser

    def _epilog(self) -> str:
        examples = "\n".join(["Examples:", *(f"  manage.py {line}" for line in self.examples), ""])
        return f"{examples}\nExit status: 0 success, 1 {self.failure}, 2 wrong usage."

    def add_json(self, parser: ArgumentParser) -> None:
        """Add `--json`, for commands whose output scripts read."""
        parser.add_argument("--json", action="store_true", help="print JSON, for scripts")

    def write_json(self, facts: Any) -> None:
        self.stdout.write(json.dumps(facts, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False))

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command; an anticipated failure is one sentence on stderr, and exit status 1."""
        try:
            return super().execute(*args, **options)
        except SystemCheckError:
            raise  # Django prints its list
        except (CommandError, StudioError, DatabaseError, InterfaceError) as exc:
            status = exc.returncode if isinstance(exc, CommandError) else FAILURE
            if not self._called_from_command_line or options["traceback"]:
                raise CommandError(_message(exc), returncode=status) from exc
            self.stderr.write(_message(exc))
            sys.exit(status)


def _wrapped(text: str) -> str:
    """The paragraphs at the terminal's width; indented lines stay as they are."""
    width = shutil.get_terminal_size().columns - 2
    return "\n".join(line if line.startswith(" ") else textwrap.fill(line, width) for line in text.splitlines())


def _message(exc: Exception) -> str:
    if isinstance(exc, DatabaseError | InterfaceError):
        reason = str(exc).strip().partition("\n")[0]
        return f"The database cannot do this ({reason}); manage.py doctor says more."
    return str(exc)
