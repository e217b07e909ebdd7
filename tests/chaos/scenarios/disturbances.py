"""The scenarios: lost, late and repeated hints, rivals, frozen processes, outages, wrong clocks, a full disk."""

import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

from tests.chaos.catalogue import retired_upstream, suspended_models
from tests.chaos.fleet import JOBS, Fleet, Job
from tests.chaos.flows import away
from tests.chaos.invariants import Outcome, examine
from tests.chaos.processes import wait_until
from tests.chaos.scenarios import freezes, no_redis, webhooks
from tests.chaos.scenarios.freezes import SUBMIT_THREADS
from tests.chaos.scenarios.scenario import Scale, Scenario
from tests.chaos.vendors import REFUSAL, RETIRED


def redis_emptied_early(fleet: Fleet, scale: Scale, name: str) -> Outcome:
    with away(fleet, "submit"):
        jobs = fleet.create(count=scale.jobs)
        fleet.valkey.kill(and_empty=True)
        fleet.valkey.start()
    return examine(fleet, jobs, scenario=name)


def redis_emptied_late(fleet: Fleet, scale: Scale, name: str) -> Outcome:
    with away(fleet, "media"):
        jobs = fleet.create(count=scale.jobs)
        wait_until(lambda: fleet.are_in(jobs, "storing"), seconds=20, what="all videos made")
        fleet.valkey.kill(and_empty=True)
        fleet.valkey.start()
    return examine(fleet, jobs, scenario=name)


def redis_down(fleet: Fleet, scale: Scale, name: str) -> Outcome:
    before = fleet.create(count=scale.jobs)
    fleet.valkey.kill()
    meanwhile = fleet.create(count=scale.jobs)
    time.sleep(scale.outage_seconds)
    fleet.valkey.start()
    return examine(fleet, [*before, *meanwhile], scenario=name)


def postgres_restarted(mode: str) -> Callable[[Fleet, Scale, str], Outcome]:
    def run(fleet: Fleet, scale: Scale, name: str) -> Outcome:
        jobs = []
        for _ in range(3):  # at three moments of their lives
            jobs += fleet.create(count=scale.jobs)
            fleet.database.restart(mode)
            jobs += fleet.create(count=1)
        return examine(fleet, jobs, scenario=name, unknown_at_most=3 * SUBMIT_THREADS)

    return run


def postgres_restarted_in_the_paid_call(fleet: Fleet, scale: Scale, name: str) -> Outcome:
    """No process dies, so no response may be lost."""
    fleet.traps.add("submit", "processed", lambda _: partial(fleet.database.restart, "immediate"))
    return examine(fleet, fleet.create(), scenario=name)


def hints_five_times(fleet: Fleet, scale: Scale, name: str) -> Outcome:
    jobs = fleet.create(count=scale.jobs)
    while not fleet.are_in(jobs, "succeeded", "failed"):
        for job in jobs:
            fleet.hint("submit", job, times=4)
            fleet.hint("transfer", job, times=4)
        time.sleep(0.3)
    return examine(fleet, jobs, scenario=name)


def no_hints(fleet: Fleet, scale: Scale, name: str) -> Outcome:
    """All hints are lost, also those that the sweeper re-sends, for the time of an outage."""
    with away(fleet, "media"):
        with away(fleet, "submit"):
            jobs = fleet.create(count=scale.jobs)
            _lose_hints(fleet, scale.outage_seconds)
        wait_until(lambda: fleet.are_in(jobs, "storing"), seconds=30, what="all videos made")
        _lose_hints(fleet, scale.outage_seconds)
    return examine(fleet, jobs, scenario=name)


def _lose_hints(fleet: Fleet, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        fleet.lose_hints()
        time.sleep(0.02)


def rivals(**roles: str) -> Callable[[Fleet, Scale, str], Outcome]:
    """More processes of a kind than needed; each hint comes twice."""

    def run(fleet: Fleet, scale: Scale, name: str) -> Outcome:
        for role, kind in roles.items():
            fleet.processes.start(role, kind=kind)
        jobs = fleet.create(count=2 * scale.jobs)
        for job in jobs:
            fleet.hint("submit", job, times=1)
        outcome = examine(fleet, jobs, scenario=name)
        for role in roles:
            fleet.processes.retire(role)
        return outcome

    return run


def asked_to_stop(role: str, call: str) -> Callable[[Fleet, Scale, str], Outcome]:
    """SIGTERM during a call: the process finishes it first."""

    def run(fleet: Fleet, scale: Scale, name: str) -> Outcome:
        def stop() -> None:
            fleet.processes.kill(role, signal.SIGTERM)
            time.sleep(1.5)

        deaths = fleet.processes.deaths[role]
        fleet.traps.add(call, "processed", lambda _: stop)
        jobs = fleet.create(count=scale.jobs)
        outcome = examine(fleet, jobs, scenario=name)
        wait_until(lambda: fleet.processes.deaths[role] > deaths, seconds=60, what=f"the end of {role}")
        return outcome

    return run


def web_asked_to_stop(fleet: Fleet, scale: Scale, name: str) -> Outcome:
    """SIGTERM while a request is still being sent: the web process reads it and responds first."""
    deaths = fleet.processes.deaths["web"]
    customer = fleet.customers[0]
    job, request = fleet.draft(customer, with_picture=True)
    body = request.read()

    def halves() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        fleet.processes.kill("web", signal.SIGTERM)
        time.sleep(1.5)
        yield body[len(body) // 2 :]

    response = customer.client.post(JOBS, content=halves(), headers=request.headers)
    fleet.place(job, lambda: response)
    wait_until(lambda: fleet.processes.deaths["web"] > deaths, seconds=40, what="the end of the web process")
    wait_until(fleet.responds, seconds=20, what="a response of the web process")
    return examine(fleet, [job], scenario=name)


def disk_full(fleet: Fleet, scale: Scale, name: str) -> Outcome:
    """For the time of an outage, no file of the media worker can grow beyond 16 KiB."""
    process_id = fleet.processes.roles["media"].process_id
    _, hard = resource.prlimit(process_id, resource.RLIMIT_FSIZE)
    resource.prlimit(process_id, resource.RLIMIT_FSIZE, (16_384, hard))
    jobs = fleet.create(count=scale.jobs)
    time.sleep(scale.outage_seconds)
    if process_id == fleet.processes.roles["media"].process_id:
        resource.prlimit(process_id, resource.RLIMIT_FSIZE, (hard, hard))
    return examine(fleet, jobs, scenario=name)


def clocks_off(fleet: Fleet, scale: Scale, name: str) -> Outcome:
    jobs: list[Job] = []
    for role, seconds in scale.clocks:
        fleet.processes.retire(role)
        fleet.processes.start(role, clock=seconds)
        made = fleet.create(count=3)
        fleet.finish(made)
        jobs += made
        fleet.processes.retire(role)
        fleet.processes.start(role)
    return examine(fleet, jobs, scenario=name)


def deleted_meanwhile(fleet: Fleet, scale: Scale, name: str) -> Outcome:
    """Jobs are deleted at various moments; a deletion frees the slot at once."""
    fleet.google.submit_seconds = 0.2
    jobs: list[Job] = []
    for tenth in range(0, 20, 20 // scale.jobs):
        made = fleet.create(count=3)
        time.sleep(tenth / 10)
        threads = [threading.Thread(target=fleet.delete, args=(job,)) for job in made]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        again = [fleet.order(made[0].customer) for _ in range(3)]
        fleet.finish(again)
        jobs += [*made, *again]
    fleet.google.submit_seconds = 0
    return examine(fleet, jobs, scenario=name)


def deleted_when_unknown(fleet: Fleet, scale: Scale, name: str) -> Outcome:
    """A job whose submit has no response fails and is refunded; its deletion refunds nothing more."""
    fleet.google.script("submit", "lost")
    jobs = fleet.create()
    fleet.finish(jobs)
    fleet.delete(jobs[0])
    return examine(fleet, jobs, scenario=name)


def adopted(fleet: Fleet, scale: Scale, name: str) -> Outcome:
    """A lost operation is adopted and fails after all: the job is not refunded twice."""
    fleet.traps.add("submit", "processed", fleet.processes.kill_caller)
    fleet.google.script("work", "error")
    jobs = fleet.create()
    fleet.finish(jobs)
    work = fleet.google.works_by_prompt()[jobs[0].prompt][0]
    status, output = fleet.processes.run(argv=["manage.py", "adopt_operation", jobs[0].id, work.name])
    assert status == 0, output
    return examine(fleet, jobs, scenario=name, may_fail=("generation_failed",))


def first_upstream_retired(fleet: Fleet, scale: Scale, name: str) -> Outcome:
    """The next upstream makes the videos; after three refusals in a row the first gets no more submits."""
    with retired_upstream(fleet.database):
        jobs = fleet.create(count=2 * scale.jobs)
        fleet.finish(jobs)
        refusals = fleet.google.calls(REFUSAL)
        jobs += fleet.create()
        outcome = examine(fleet, jobs, scenario=name)
    if RETIRED not in suspended_models(fleet.database):
        outcome.blame("stuck", f"{RETIRED} has refused {refusals} submits but is not suspended")
    if fleet.google.calls(REFUSAL) > refusals:
        outcome.blame("stuck", f"{RETIRED} is suspended but got another submit")
    return outcome


def _unscaled(run: Callable[[Fleet, str], Outcome]) -> Callable[[Fleet, Scale, str], Outcome]:
    return lambda fleet, scale, name: run(fleet, name)


SCENARIOS = (
    Scenario("Redis emptied early", redis_emptied_early),
    Scenario("Redis emptied late", redis_emptied_late),
    Scenario("Redis down", redis_down),
    *(Scenario(name, _unscaled(run)) for name, run in no_redis.SCENARIOS.items()),
    Scenario("PostgreSQL restarted, fast", postgres_restarted("fast"), databases=("postgres",)),
    Scenario("PostgreSQL restarted, immediate", postgres_restarted("immediate"), databases=("postgres",)),
    Scenario("PostgreSQL restarted in the paid call", postgres_restarted_in_the_paid_call, databases=("postgres",)),
    Scenario("each hint five times", hints_five_times),
    Scenario("no hint delivered", no_hints),
    Scenario("two sweepers", rivals(sweeper2="sweeper")),
    Scenario("three workers", rivals(submit2="submit", submit3="submit", media2="media", media3="media")),
    Scenario("submit frozen in the paid call", _unscaled(freezes.submit_frozen)),
    Scenario("submit frozen before its claim", _unscaled(freezes.submit_frozen_before_claim)),
    Scenario("media frozen in the download", _unscaled(freezes.media_frozen("download", "processed"))),
    Scenario("media frozen in the upload", _unscaled(freezes.media_frozen("upload video", "arrived"))),
    Scenario("media frozen after the upload", _unscaled(freezes.media_frozen("upload image", "responded"))),
    Scenario("SIGTERM in the paid call", asked_to_stop("submit", "submit")),
    Scenario("SIGTERM in the upload", asked_to_stop("media", "upload video")),
    Scenario("SIGTERM in a request", web_asked_to_stop),
    Scenario("disk full", disk_full),
    Scenario("clock off", clocks_off),
    Scenario("deleted meanwhile", deleted_meanwhile),
    Scenario("deleted when unknown", deleted_when_unknown),
    Scenario("first upstream retired", first_upstream_retired),
    Scenario("adopted", adopted, options={"policy": "failed"}),
    Scenario("webhook receiver fails", webhooks.receiver_fails, options={"webhooks": True}),
    Scenario("webhooks killed at statements", webhooks.killed_at_every_statement, options={"webhooks": True}),
    Scenario("webhooks killed at random", webhooks.killed_at_random, options={"webhooks": True}),
    Scenario("webhooks without hints", webhooks.no_hints, options={"webhooks": True}),
)
