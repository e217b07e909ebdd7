"""`manage.py doctor`: what is configured, whether it works, and what to do about it."""

import sys
from argparse import ArgumentParser
from typing import Any

from studio.command_line import NOT_WELL, OperatorCommand
from studio.observability.health import Depth, Health, examine

MARKS = {Health.OK: "ok  ", Health.DEGRADED: "WARN", Health.DOWN: "FAIL"}


class Command(OperatorCommand):
    help = (
        "Examine this deployment: database, migrations, Redis, sweeper, storage (a file is written, read and removed) "
        "and video providers (each is asked, nothing is bought). WARN: requests are answered, but something waits or "
        "fails; FAIL: broken."
    )
    examples = ("doctor", "doctor --probe", "doctor --json | jq 'map_values(.status)'")
    not_well = "something is wrong, be it WARN or FAIL"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--probe",
            action="store_true",
            help="also ask each provider, free of charge, which of the catalogue's upstream models it has now",
        )
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        findings = examine(depth=Depth.PROBE if options["probe"] else Depth.THOROUGH)
        if options["json"]:
            facts = {
                name: {"status": found.health.name.lower(), "detail": found.sentence}
                for name, found in findings.items()
            }
            self.answer(facts)
        else:
            for name, found in findings.items():
                self.stdout.write(f"{MARKS[found.health]}  {name:<14} {found.sentence}")
        if any(found.health != Health.OK for found in findings.values()):
            sys.exit(NOT_WELL)
