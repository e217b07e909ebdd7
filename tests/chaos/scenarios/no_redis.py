"""Redis is down for whole lives of jobs, also when the workers start: they find their work in the table."""

import os
import signal
import time
from collections.abc import Callable

from tests.chaos.fleet import Fleet, Job
from tests.chaos.invariants import Outcome, examine
from tests.chaos.processes import wait_until

JOBS = 10
WORKERS = ("submit", "media")
GRACE_SECONDS = 40  # instead of the 100 of production (deploy/): calls of the fakes are short


def away(fleet: Fleet, name: str) -> Outcome:
    """Redis refuses connections."""
    fleet.valkey.kill()
    try:
        jobs = _whole_lives(fleet)
    finally:
        fleet.valkey.start()
    return examine(fleet, [*jobs, *fleet.create()], scenario=name)


def hanging(fleet: Fleet, name: str) -> Outcome:
    """Redis accepts connections but never replies."""
    process_id = fleet.valkey.process_id
    os.kill(process_id, signal.SIGSTOP)
    try:
        jobs = _whole_lives(fleet)
    finally:
        os.kill(process_id, signal.SIGCONT)
    return examine(fleet, [*jobs, *fleet.create()], scenario=name)


def flapping(fleet: Fleet, name: str) -> Outcome:
    """Redis restarts again and again, and loses all its data each time."""
    jobs = list[Job]()
    for _ in range(4):
        jobs += fleet.create(count=3)
        fleet.valkey.kill(and_empty=True)
        time.sleep(0.7)
        fleet.valkey.start()
        time.sleep(0.7)
    return examine(fleet, jobs, scenario=name)


def _whole_lives(fleet: Fleet) -> list[Job]:
    """From the order to the stored file, with workers that started before and after the outage began."""
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
    """Send SIGTERM to a worker; it ends, and its successor stays alive."""
    deaths = fleet.processes.deaths[role]
    fleet.processes.kill(role, signal.SIGTERM)
    wait_until(lambda: fleet.processes.deaths[role] > deaths, seconds=GRACE_SECONDS, what=f"the end of {role}")
    assert fleet.processes.deaths[role] == deaths + 1, f"{role} does not stay alive"


SCENARIOS: dict[str, Callable[[Fleet, str], Outcome]] = {
    "Redis away for whole lives": away,
    "Redis hangs for whole lives": hanging,
    "Redis comes and goes": flapping,
}
