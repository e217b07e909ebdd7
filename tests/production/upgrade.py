"""Upgrades a busy system from an older release: `python -m tests.production.upgrade CHECKOUT_OF_THE_OLD_ONE`.

Customers keep ordering videos. First the new release migrates the database, then its processes take the place of
the old ones, one at a time, so that both releases work on the same jobs. At the end rows, ledger and files are compared
with the vendors' books.
"""

import argparse
import sys
import threading
import time
from pathlib import Path

from tests.chaos.fleet import Fleet
from tests.chaos.invariants import examine
from tests.chaos.processes import Processes

SECOND_OF_EACH = ("submit", "media", "sweeper")
PAUSE_SECONDS = 4.0  # between two steps: both releases get some jobs
END_SECONDS = 30.0  # for a process to stop in order
IN_FLIGHT = 6  # jobs that are ordered before the first step


def main() -> None:
    """Order, upgrade, compare; exit status 1 if a job is lost, doubled or wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.production.upgrade", description=__doc__)
    parser.add_argument("old", type=Path, metavar="CHECKOUT", help="of the older release, with a `tests` folder")
    parser.add_argument("--jobs", type=int, default=150)
    arguments = parser.parse_args()
    with Fleet(kind="postgres", customers=30, patience_seconds=300, project=arguments.old.resolve()) as fleet:
        for role in SECOND_OF_EACH:
            fleet.processes.start(f"{role}2", kind=role)
        new = Processes(fleet.folder, fleet.environment())
        try:
            failures: list[BaseException] = []
            upgrade = threading.Thread(target=_upgrade, args=[fleet, new, failures])
            jobs = fleet.create(count=IN_FLIGHT)
            upgrade.start()
            jobs += fleet.create(count=arguments.jobs)
            upgrade.join()
            outcome = examine(fleet, jobs, scenario="upgrade")
            bought = len(fleet.google.account.works)
        finally:
            new.stop()
    sys.stdout.write(
        f"{outcome.jobs} jobs, {bought} bought, {outcome.succeeded} delivered.\n"
        f"doubled {outcome.doubled}, lost {outcome.unknown}, stuck {outcome.stuck}, wrong balances {outcome.money}\n"
        + "".join(f"{fault}\n" for fault in (*outcome.faults, *failures))
    )
    if failures or not outcome.is_good or not outcome.jobs == bought == outcome.succeeded:
        sys.exit(1)


def _upgrade(fleet: Fleet, new: Processes, failures: list[BaseException]) -> None:
    try:
        status, output = new.run(argv=["manage.py", "migrate", "-v", "0"])
        assert status == 0, output
        for name, role in list(fleet.processes.roles.items()):
            time.sleep(PAUSE_SECONDS)
            fleet.processes.end(name, seconds=END_SECONDS)
            new.start(name, kind=role.kind)
    except BaseException as exc:  # the edge of a thread; the main one reports it
        failures.append(exc)


if __name__ == "__main__":
    main()
