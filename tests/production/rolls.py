"""510 paid jobs while every process is restarted three times: `python -m tests.production.rolls`.

Two of each worker and two sweepers on PostgreSQL behind PgBouncer, with the fakes of Google and Cloudinary. At the end
rows, ledger and files are compared with the vendors' books.
"""

import argparse
import signal
import sys
import threading
import time

from tests import pgbouncer
from tests.chaos.fleet import Fleet
from tests.chaos.invariants import examine

ROLLS = 3
WORKERS = ("submit", "media", "sweeper")
PAUSE_SECONDS = 2.0  # between two restarts


def main() -> None:
    """Order, restart, compare; exit status 1 if a job is lost, doubled or wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.production.rolls", description=__doc__)
    parser.add_argument("--jobs", type=int, default=510)
    arguments = parser.parse_args()
    if pgbouncer.BINARY is None:
        sys.exit("Cannot start: PgBouncer is missing; on Debian: apt install pgbouncer")
    with Fleet(kind="pooled", customers=30, patience_seconds=300) as fleet:
        for role in WORKERS:
            fleet.processes.start(f"{role}2", kind=role)
        rolls = threading.Thread(target=_roll, args=[fleet])
        rolls.start()
        jobs = fleet.create(count=arguments.jobs)
        rolls.join()
        outcome = examine(fleet, jobs, scenario="rolls")
        bought = len(fleet.google.account.works)
        restarts = sum(fleet.processes.deaths.values())
    sys.stdout.write(
        f"{outcome.jobs} jobs, {bought} bought, {outcome.succeeded} delivered; {restarts} restarts.\n"
        f"doubled {outcome.doubled}, lost {outcome.unknown}, stuck {outcome.stuck}, wrong balances {outcome.money}\n"
        + "".join(f"{fault}\n" for fault in outcome.faults)
    )
    if not outcome.is_good or not outcome.jobs == bought == outcome.succeeded:
        sys.exit(1)


def _roll(fleet: Fleet) -> None:
    for _ in range(ROLLS):
        for name in list(fleet.processes.roles):
            time.sleep(PAUSE_SECONDS)
            deaths = fleet.processes.deaths[name]
            fleet.processes.kill(name, signal.SIGTERM)
            while fleet.processes.deaths[name] == deaths:  # the next one once this one runs again
                time.sleep(0.1)


if __name__ == "__main__":
    main()
