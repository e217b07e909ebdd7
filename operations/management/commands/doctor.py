"""`manage.py doctor`: checks what is configured, and says how to fix what does not work."""

import sys
from argparse import ArgumentParser
from typing import Any

from studio.command_line import FAILURE, OperatorCommand
from studio.observability.health import Depth, Health, run_checks

MARKS = {Health.OK: "ok  ", Health.DEGRADED: "WARN", Health.DOWN: "FAIL"}


class Command(OperatorCommand):
    help = (
        "Check this deployment: database, migrations, Redis, sweeper, live process, storage (writes, reads and removes "
        "a file) and video providers (free requests only). WARN: requests are served, but something waits or fails; "
        "FAIL: broken."
    )
    examples = ("doctor", "doctor --probe", "doctor --json | jq 'map_values(.status)'")
    failure = "a check has found WARN or FAIL"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--probe",
            action="store_true",
            help="also ask each provider, free of charge, which upstream models of the catalogue it has now",
        )
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        findings = run_checks(depth=Depth.PROBE if options["probe"] else Depth.THOROUGH)
        if options["json"]:
            facts = {
                name: {"status": found.health.name.lower(), "detail": found.sentence}
                for name, found in findings.items()
            }
            self.write_json(facts)
        else:
            for name, found in findings.items():
                self.stdout.write(f"{MARKS[found.health]}  {name:<14} {found.sentence}")
        if any(found.health != Health.OK for found in findings.values()):
            sys.exit(FAILURE)
