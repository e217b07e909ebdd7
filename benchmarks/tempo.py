"""Runs a command of the product with shorter intervals: `python -m benchmarks.tempo 10 manage.py sweep`.

The first poll, the poll intervals and the sweeper's pauses are divided. Leases, time-outs and back-offs stay, because
the work that they guard does not become quicker.
"""

import os
import sys
from importlib import import_module

INTERVALS = {
    "videos.engine.schedule": (
        "TICK",
        "FIRST_POLL",
        "POLL_EVERY",
        "POLL_SLOWER_AFTER",
        "POLL_SLOWER",
        "POLL_SLOWEST_AFTER",
        "POLL_SLOWEST",
    ),
    "videos.providers.google_omni": ("FIRST_POLL_SECONDS",),
}


def quicken(factor: float) -> None:
    """Divide every interval. Raises AttributeError for one that no longer exists."""
    for module_name, names in INTERVALS.items():
        module = import_module(module_name)
        for name in names:
            setattr(module, name, getattr(module, name) / factor)


def main() -> None:
    """Set Django up, quicken, and become the command."""
    import django
    from django.core.management import execute_from_command_line

    os.environ["DJANGO_SETTINGS_MODULE"] = "studio.settings"
    factor, *argv = sys.argv[1:]
    django.setup()
    quicken(float(factor))
    sys.argv = argv
    execute_from_command_line(argv)


if __name__ == "__main__":
    main()
