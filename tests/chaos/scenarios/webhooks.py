"""Webhooks: receivers that fail, and processes that die at every statement of a message's way."""

import random
import signal
import time
from functools import partial

from tests.chaos.fleet import Fleet, Job
from tests.chaos.invariants import Outcome, examine
from tests.chaos.processes import wait_until
from tests.chaos.scenarios.scenario import Scale

STEPS = ("dispatch", "deliver")
PATIENCE_SECONDS = 60.0  # for the last message: some leases and back-offs
RESPONSES = (204, 204, 500, 503, "hang", "reset", "redirect")


def receiver_fails(fleet: Fleet, scale: Scale, name: str) -> Outcome:
    """Receivers respond with 500, hang, reset and redirect, at random, and are down for the time of an outage."""
    dice = random.Random(name)
    fleet.receiver.account.script = dice.choices(RESPONSES, k=10 * scale.jobs)
    jobs = fleet.create(count=scale.jobs)
    fleet.receiver.account.otherwise = 500
    jobs += fleet.create(count=scale.jobs)
    fleet.delete(jobs[0])
    time.sleep(scale.outage_seconds)
    fleet.receiver.account.otherwise = 204
    return _examine(fleet, jobs, name)


def killed_at_every_statement(fleet: Fleet, scale: Scale, name: str) -> Outcome:
    """The sweeper and the worker die before and after each statement of a message's way."""
    with fleet.traced() as statements:
        fleet.receiver.account.script = [500]
        jobs = fleet.create()
        fleet.finish(jobs)
        wait_until(partial(_is_idle, fleet), seconds=PATIENCE_SECONDS, what="the first messages")
    ways = [statement for statement in statements if statement.startswith(STEPS)]
    assert {way.partition(" ")[0] for way in ways} == set(STEPS), ways
    ways = ways[:: max(1, 12 // scale.jobs)]  # a quarter of them in the short form
    missed = list[str]()
    for way in ways:
        for moment in ("before", "after"):
            fleet.arm(f"{way} {moment}")
            fleet.receiver.account.script = [500]
            jobs += fleet.create()
            fleet.finish(jobs[-1:])
            try:
                wait_until(lambda: fleet.has_fired, seconds=3, what="the kill")
            except TimeoutError:
                missed.append(f"{way} {moment}")
            fleet.disarm()
    outcome = _examine(fleet, jobs, name)
    if len(missed) > len(ways) // 2:  # a few are not on the way of every message
        outcome.blame("stuck", f"{len(missed)} of {2 * len(ways)} points were not reached: {missed}")
    return outcome


def killed_at(fleet: Fleet, statement: str, name: str) -> Outcome:
    """Kill the process that is about to execute this statement of a message's way."""
    with fleet.traced() as statements:
        jobs = fleet.create()
        fleet.finish(jobs)
        wait_until(partial(_is_idle, fleet), seconds=PATIENCE_SECONDS, what="the first messages")
    way = next(one for one in statements if one.startswith(STEPS) and statement in one)
    fleet.arm(f"{way} before")
    jobs += fleet.create()
    return _examine(fleet, jobs, name)


def killed_at_random(fleet: Fleet, scale: Scale, name: str) -> Outcome:
    """Worker, sweeper and Redis die at random while receivers fail."""
    dice, jobs = random.Random(name), list[Job]()
    deadline = time.monotonic() + 4 * scale.outage_seconds
    while time.monotonic() < deadline:
        fleet.receiver.account.script += dice.choices(RESPONSES, k=3)
        jobs += fleet.create()
        choice = dice.random()
        if choice < 0.1:
            fleet.valkey.kill(and_empty=True)
            fleet.valkey.start()
        elif choice < 0.8:
            number = dice.choice([signal.SIGKILL, signal.SIGTERM])
            fleet.processes.kill(dice.choice(["webhooks", "webhooks", "sweeper"]), number)
        time.sleep(dice.uniform(0, 0.5))
    fleet.receiver.account.script = []
    return _examine(fleet, jobs, name)


def no_hints(fleet: Fleet, scale: Scale, name: str) -> Outcome:
    """Redis is away: the worker finds the messages in the table."""
    fleet.valkey.kill()
    try:
        jobs = fleet.create(count=scale.jobs)
        fleet.finish(jobs)
        wait_until(partial(_is_idle, fleet), seconds=PATIENCE_SECONDS, what="messages without hints")
    finally:
        fleet.valkey.start()
    return _examine(fleet, jobs, name)


def _is_idle(fleet: Fleet) -> bool:
    """Whether all messages that exist were delivered, and there are some."""
    states = fleet.database.rows("SELECT state FROM videos_webhookdelivery")
    return bool(states) and all(row["state"] == "delivered" for row in states)


def _examine(fleet: Fleet, jobs: list[Job], name: str) -> Outcome:
    outcome = examine(fleet, jobs, scenario=name)
    for sentence in fleet.receiver.faults(fleet.database, seconds=PATIENCE_SECONDS):
        outcome.blame("stuck", sentence)
    return outcome
