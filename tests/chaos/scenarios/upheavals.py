"""Disturbances of the whole fleet: random kills, a rolling restart, a restart of everything with jobs in flight."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable, Iterator

import psutil

from tests.chaos.fleet import TERMINAL, Fleet, Job
from tests.chaos.invariants import Outcome, examine
from tests.chaos.processes import wait_until
from tests.chaos.scenarios.freezes import SUBMIT_THREADS
from tests.chaos.scenarios.scenario import Scale
from tests.chaos.stream import StreamClient

ROLES = ("web", "submit", "media", "sweeper")
POLLED_WITHIN_SECONDS = 5.0


def random_kills(seconds: float, seed: int) -> Callable[[Fleet, Scale, str], Outcome]:
    """Kill processes at random while customers order and delete, and follow the stream of their events."""

    def run(fleet: Fleet, scale: Scale, name: str) -> Outcome:
        with _streams(fleet) as streams:
            outcome = disturb(fleet, name)
            for stream in streams:
                outcome.faults += stream.faults()
        return outcome

    def disturb(fleet: Fleet, name: str) -> Outcome:
        dice, jobs = random.Random(seed), list[Job]()
        before = fleet.processes.deaths["submit"]
        restarts = 0
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            jobs += _order_and_delete(fleet, dice, jobs)
            time.sleep(dice.uniform(0, 0.6))
            restarts += _strike(fleet, dice)
        lost = (fleet.processes.deaths["submit"] - before + restarts) * SUBMIT_THREADS
        return examine(fleet, jobs, scenario=name, unknown_at_most=lost)

    return run


@contextlib.contextmanager
def _streams(fleet: Fleet) -> Iterator[list[StreamClient]]:
    """A client of the live process for each customer."""
    fleet.processes.start("live")
    streams = [StreamClient(live_url=fleet.live_url, web=customer.client) for customer in fleet.customers]
    for stream in streams:
        stream.start()
    try:
        yield streams
    finally:
        for stream in streams:
            stream.stop()
        fleet.processes.retire("live")


def _order_and_delete(fleet: Fleet, dice: random.Random, jobs: list[Job]) -> list[Job]:
    rows = fleet.rows(fleet.jobs)
    busy = {row["owner_id"] for row in rows.values() if row["phase"] not in TERMINAL}
    idle = [customer for customer in fleet.customers if customer.id not in busy]
    if jobs and dice.random() < 0.05:
        kept = [job for job in jobs if not job.is_deleted]
        fleet.delete(dice.choice(kept))
    if not idle:
        return []
    customer = dice.choice(idle)
    return [fleet.order(customer, with_picture=dice.random() < 0.2) for _ in range(dice.randint(1, 3))]


def _strike(fleet: Fleet, dice: random.Random) -> int:
    """Disturb one part of the fleet; returns 1 if it restarted the database, which can lose responses too."""
    choice = dice.random()
    if choice < 0.03:
        fleet.valkey.kill(and_empty=dice.random() < 0.5)
        time.sleep(dice.uniform(0, 2))
        fleet.valkey.start()
    elif choice < 0.05 and fleet.kind == "postgres":
        fleet.database.restart(dice.choice(["fast", "immediate"]))
        return 1
    elif choice < 0.15:
        _kill_web_worker(fleet, dice)
    elif choice < 0.5:
        fleet.processes.kill(
            dice.choice([*ROLES, "live"]), dice.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
        )
    return 0


def _kill_web_worker(fleet: Fleet, dice: random.Random) -> None:
    with contextlib.suppress(psutil.Error, IndexError, ProcessLookupError):
        workers = psutil.Process(fleet.processes.roles["web"].process_id).children()
        os.kill(dice.choice(workers).pid, signal.SIGKILL)


def rolling_restart(fleet: Fleet, scale: Scale, name: str) -> Outcome:
    """Each process in turn gets SIGTERM and is restarted, with jobs in every phase."""
    jobs = list[Job]()
    for role in ROLES:
        jobs += fleet.create(count=scale.rolling // 4)
        deaths = fleet.processes.deaths[role]
        fleet.processes.kill(role, signal.SIGTERM)
        wait_until(lambda: fleet.processes.deaths[role] > deaths, seconds=40, what=f"the end of {role}")  # noqa: B023
        if role == "web":
            wait_until(fleet.responds, seconds=20, what="a response of the web process")
    return examine(fleet, jobs, scenario=name)


def restart_of_all(fleet: Fleet, scale: Scale, name: str) -> Outcome:
    """Everything dies with many videos in flight: all of them are polled again within seconds."""
    fleet.google.account.work_seconds = 10**6
    jobs = fleet.create(count=scale.in_flight)
    wait_until(
        lambda: fleet.are_in(jobs, "generating"), seconds=60 + scale.in_flight / 5, what="all accepted", every=0.5
    )
    for role in ROLES:
        fleet.processes.kill(role)
    fleet.valkey.kill(and_empty=True)
    fleet.valkey.start()
    began = time.monotonic()
    time.sleep(POLLED_WITHIN_SECONDS)
    polled = {path for at, call, path in list(fleet.google.moments) if call == "poll" and at > began}
    fleet.google.account.work_seconds = 0.2
    outcome = examine(fleet, jobs, scenario=name)
    names = [work.name for works in fleet.google.works_by_prompt().values() for work in works]
    wanted = {row["operation"] for row in fleet.rows(jobs).values()}
    late = [work for work in names if work in wanted and not any(f"/{work}?" in path for path in polled)]
    if late:
        outcome.blame("stuck", f"{len(late)} of {len(jobs)} were not polled within {POLLED_WITHIN_SECONDS} s")
    return outcome
