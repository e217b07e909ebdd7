"""Processes frozen past their lease while a rival does their work; they then continue where they stopped."""

import signal
import time
from collections.abc import Callable
from functools import partial

from tests.chaos.fleet import Fleet, Job
from tests.chaos.hooks.tempo import LEASE_SECONDS
from tests.chaos.invariants import Outcome, examine
from tests.chaos.processes import wait_until

SUBMIT_THREADS = 4  # of a worker, by default: one death can lose this many responses
AFTERMATH_SECONDS = 1.5  # for the next steps of the woken process


def submit_frozen(fleet: Fleet, name: str) -> Outcome:
    """Frozen in the paid call until the job counts as lost; then the response arrives after all."""
    fleet.traps.add("submit", "processed", lambda _: partial(fleet.processes.kill, "submit", signal.SIGSTOP))
    jobs = fleet.create(count=3)
    fleet.finish(jobs, seconds=LEASE_SECONDS + 3)
    fleet.processes.kill("submit", signal.SIGCONT)
    time.sleep(AFTERMATH_SECONDS)
    return examine(fleet, jobs, scenario=name, unknown_at_most=SUBMIT_THREADS)


def submit_frozen_before_claim(fleet: Fleet, name: str) -> Outcome:
    """Frozen after reading the row, until another worker has had the video accepted."""
    with fleet.traced() as statements:
        jobs = fleet.create()
        fleet.finish(jobs)
    # SQLite's BEGIN takes the lock of all writers, so the process is frozen before it
    first = "BEGIN" if fleet.kind == "sqlite" else "UPDATE videos_videojob"
    claim = next(line for line in statements if line.endswith(f"{first} in submit._submit"))
    fleet.google.account.work_seconds = 4
    fleet.arm(f"{claim} before", signal.SIGSTOP)
    jobs += fleet.create()
    wait_until(lambda: fleet.has_fired, seconds=20, what="the freeze")
    with_rival(
        fleet, "submit", lambda: wait_until(lambda: fleet.are_in(jobs[1:], "generating"), seconds=20, what="a rival")
    )
    fleet.google.account.work_seconds = 0.2
    return examine(fleet, jobs, scenario=name)


def media_frozen(call: str, moment: str) -> Callable[[Fleet, str], Outcome]:
    """Frozen at this moment of a transfer, until another worker has delivered the video."""

    def run(fleet: Fleet, name: str) -> Outcome:
        fleet.traps.add(call, moment, lambda _: partial(fleet.processes.kill, "media", signal.SIGSTOP))
        jobs: list[Job] = fleet.create()
        wait_until(lambda: not fleet.traps.is_set, seconds=20, what="the freeze")
        with_rival(fleet, "media", lambda: fleet.finish(jobs))
        return examine(fleet, jobs, scenario=name)

    return run


def with_rival(fleet: Fleet, role: str, work: Callable[[], object]) -> None:
    """Do `work` with a second process of the kind, then wake the frozen one."""
    fleet.processes.start(f"{role}2", kind=role)
    try:
        work()
    finally:
        fleet.processes.kill(role, signal.SIGCONT)
        time.sleep(AFTERMATH_SECONDS)
        fleet.processes.retire(f"{role}2")
