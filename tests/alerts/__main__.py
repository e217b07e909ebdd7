"""`make alerts`: causes each fault in a deployment on PostgreSQL, and waits for its alerts; takes ten minutes.

The deployment is a fleet of tests/chaos with the fakes of Google and Cloudinary, scraped by a Prometheus whose rules
are those of deploy/prometheus with shorter times. Before a fault none of its alerts may fire. Exits with 0 only if
every alert of the file fired.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.alerts.faults import FAULTS, Fault
from tests.alerts.outages import Impossible
from tests.alerts.prometheus import FASTER, Prometheus, names
from tests.chaos.fleet import Fleet

TOKEN = "the-token-of-this-run"
CALM_SECONDS = 120  # until the alerts of the fault before stop firing; the longest range is a minute
SQL_QUIET = "UPDATE videos_videomodel SET is_offered = name IN (SELECT m.name FROM videos_videomodel m " + (
    "JOIN videos_upstream u ON u.model_id = m.id WHERE u.is_enabled)"
)


@dataclass
class Report:
    """The alerts that fired, with their faults, and those that did not."""

    seen: dict[str, list[str]] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)

    def print(self, line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def main() -> int:
    """Cause the chosen faults, and print which alerts fired."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], metavar="ALERT", choices=names())
    only = set(parser.parse_args().only)
    os.environ["METRICS_TOKEN"] = TOKEN
    faults = [fault for fault in FAULTS if not only or only & set(fault.alerts)]
    report = Report()
    with Fleet(kind="postgres", customers=12) as fleet:
        fleet.database.execute(SQL_QUIET)  # a model without an upstream fires an alert of its own
        target = fleet.url.removeprefix("http://")
        with Prometheus(folder=Path(fleet.folder) / "prometheus", target=target, token=TOKEN) as prometheus:
            _all(faults, fleet, prometheus, report)
    return _conclude(report, only or set(names()))


def _all(faults: Sequence[Fault], fleet: Fleet, prometheus: Prometheus, report: Report) -> None:
    fleet.finish(fleet.create(count=6))
    time.sleep(5)
    report.print(f"Six videos were made; times are {FASTER} times shorter; firing: {', '.join(prometheus.firing())}")
    for fault in faults:
        try:
            _try(fault, fleet, prometheus, report)
        except Impossible as exc:
            report.missed.append(f"{', '.join(fault.alerts)}: {fault.what}: not possible here: {exc}")
        except (TimeoutError, AssertionError) as exc:
            report.missed.append(f"{', '.join(fault.alerts)}: {fault.what}: {exc}")


def _try(fault: Fault, fleet: Fleet, prometheus: Prometheus, report: Report) -> None:
    _wait_for_calm(fault, prometheus)
    with fault.cause(fleet):
        began, left = time.monotonic(), set(fault.alerts)
        while left and time.monotonic() - began < fault.seconds:
            for name, summary in prometheus.firing().items():
                if name in left:
                    left.remove(name)
                    report.seen.setdefault(name, []).append(fault.what)
                    report.print(f"{name:22} {time.monotonic() - began:5.0f} s  {fault.what}: {summary}")
            time.sleep(0.5)
    if left:
        report.missed.append(f"{', '.join(sorted(left))}: {fault.what}: silent for {fault.seconds:.0f} s")


def _wait_for_calm(fault: Fault, prometheus: Prometheus) -> None:
    """Wait until none of the fault's alerts fires. Raises AssertionError if one does not stop."""
    deadline = time.monotonic() + CALM_SECONDS
    while firing := set(fault.alerts) & set(prometheus.firing()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{', '.join(sorted(firing))} fired before")
        time.sleep(0.5)


def _conclude(report: Report, wanted: set[str]) -> int:
    unseen = sorted(wanted - set(report.seen))
    report.print(f"\nSeen firing: {len(report.seen)} of {len(names())}.")
    for line in [*report.missed, *(f"never seen: {name}" for name in unseen)]:
        report.print(f"  {line}")
    return int(bool(unseen or report.missed))


if __name__ == "__main__":
    sys.exit(main())
