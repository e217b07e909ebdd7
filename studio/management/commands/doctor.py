"""`manage.py doctor`: what is configured, whether it works, and what to do about it."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from studio.health import Health, examine

MARKS = {Health.OK: "ok  ", Health.DEGRADED: "WARN", Health.DOWN: "FAIL"}


class Command(BaseCommand):
    help = (
        "Examine this deployment: database, migrations, Redis, sweeper, storage (a file is written, read and removed) "
        "and video providers (each is asked, nothing is bought). Exit status 1 if anything is wrong."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="answer in JSON, for scripts")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = examine(thoroughly=True)
        if options["json"]:
            facts = {
                name: {"status": found.health.name.lower(), "detail": found.sentence}
                for name, found in findings.items()
            }
            self.stdout.write(json.dumps(facts, indent=2))
        else:
            for name, found in findings.items():
                self.stdout.write(f"{MARKS[found.health]}  {name:<14} {found.sentence}")
        if any(found.health != Health.OK for found in findings.values()):
            sys.exit(1)
