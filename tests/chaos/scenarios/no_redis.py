"""Redis is away for the whole life of jobs, also when the workers start: they find their work in the table."""

import os
import signal
import time
from collections.abc import Callable

from tests.chaos.fleet import Fleet, Job
from tests.chaos.invariants import Outcome, examine
from tests.chaos.processes import wait_until

JOBS = 10
WORKERS = ("submit", "media")
GRACE_SECONDS = 40  # of the 100 that a worker gets (deploy/): the calls of the fakes are short


def away(fleet: Fleet, name: str) -> Outcome:
    """It is gone: nothing listens where it was."""
    fleet.valkey.kill()
    try:
        jobs = _whole_lives(fleet)
    finally:
        fleet.valkey.start()
    return examine(fleet, [*jobs, *fleet.create()], scenario=name)


def hanging(fleet: Fleet, name: str) -> Outcome:
    """It takes connections, and never replies."""
    process_id = fleet.valkey.process_id
    os.kill(process_id, signal.SIGSTOP)
    try:
        jobs = _whole_lives(fleet)
    finally:
        os.kill(process_id, signal.SIGCONT)
    return examine(fleet, [*jobs, *fleet.create()], scenario=name)


def flapping(fleet: Fleet, name: str) -> Outcome:
    """It comes and goes, and has forgotten everything each time."""
    jobs = list[Job]()
    for _ in range(4):
        jobs += fleet.create(count=3)
        fleet.valkey.kill(and_empty=True)
        time.sleep(0.7)
        fleet.valkey.start()
        time.sleep(0.7)
    return examine(fleet, jobs, scenario=name)


def _whole_lives(fleet: Fleet) -> list[Job]:
    """From the order to the stored file, with workers that have known Redis, and with some that have not."""
    jobs = fleet.create(count=JOBS // 2)
    fleet.finish(jobs)
    for role in WORKERS:
        _stop(fleet, role)
    jobs += fleet.create(count=JOBS - JOBS // 2)
    assert fleet.finish(jobs), "jobs wait for Redis"
    for role in WORKERS:
        _stop(fleet, role)
    return jobs


def _stop(fleet: Fleet, role: str) -> None:
    """Ask a worker to end, which it does; another one starts."""
    deaths = fleet.processes.deaths[role]
    fleet.processes.kill(role, signal.SIGTERM)
    wait_until(lambda: fleet.processes.deaths[role] > deaths, seconds=GRACE_SECONDS, what=f"the end of {role}")
    assert fleet.processes.deaths[role] == deaths + 1, f"{role} does not stay alive"


SCENARIOS: dict[str, Callable[[Fleet, str], Outcome]] = {
    "Redis away for whole lives": away,
    "Redis hangs for whole lives": hanging,
    "Redis comes and goes": flapping,
}
