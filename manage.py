#!/usr/bin/env python
"""Django's command line, for the studio project."""

import os
import sys


def main() -> None:
    """Run one management command; a broken environment is one sentence, not a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
    from django.core.management import execute_from_command_line

    from studio.env import BadEnvironment
    from studio.observability import terminal

    os.environ["DJANGO_COLORS"] = "nocolor"  # colours are escape sequences, and those of strangers look the same
    terminal.guard("".join(sys.argv[1:2]))
    try:
        execute_from_command_line(sys.argv)
    except BadEnvironment as exc:
        sys.exit(f"Cannot start: {exc}")


if __name__ == "__main__":
    main()
