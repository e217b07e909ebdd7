"""The courses that a job can take; each passes every statement of some steps."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.chaos.catalogue import NEARLY_SUSPENDED, retired_upstream
from tests.chaos.fleet import Fleet, Job
from tests.chaos.processes import wait_until
from tests.chaos.vendors import NOT_CHARGED


@dataclass(frozen=True)
class Flow:
    """`run` creates jobs and waits until they end. `may_fail`: expected error codes; `unknown`: lost jobs."""

    name: str
    run: Callable[[Fleet], list[Job]]
    may_fail: tuple[str, ...] = ()
    unknown: int = 0


def _ordered(*, with_picture: bool = False, on: str = "", fault: str = "", **more: Any) -> Callable[[Fleet], list[Job]]:
    """A job, with one scripted fault at Google."""

    def run(fleet: Fleet) -> list[Job]:
        if on:
            fleet.google.script(on, fault, **more)
        jobs = fleet.create(with_picture=with_picture)
        fleet.finish(jobs)
        return jobs

    return run


def _passed_on(**fault: Any) -> Callable[[Fleet], list[Job]]:
    """The first upstream refuses the job and is suspended; the next one takes it, unless it meets the fault."""
    run = _ordered(**fault)

    def run_past_the_retired(fleet: Fleet) -> list[Job]:
        with retired_upstream(fleet.database, refusals=NEARLY_SUSPENDED):
            return run(fleet)

    return run_past_the_retired


def _deleted_at_the_end(fleet: Fleet) -> list[Job]:
    jobs = fleet.create()
    fleet.finish(jobs)
    fleet.delete(jobs[0])
    wait_for_removal(fleet, jobs[0])
    return jobs


def _deleted_at_once(fleet: Fleet) -> list[Job]:
    with away(fleet, "submit"):
        jobs = fleet.create(with_picture=True)
        fleet.delete(jobs[0])
    wait_for_removal(fleet, jobs[0])
    return jobs


def _hints_lost(fleet: Fleet) -> list[Job]:
    """The sweeper re-sends the hints before a worker runs."""
    with away(fleet, "submit"):
        jobs = fleet.create()
        fleet.lose_hints()
        with fleet.queues() as queues, contextlib.suppress(TimeoutError):
            wait_until(lambda: queues["submit"].count, seconds=10, what="another hint")
    fleet.finish(jobs)
    return jobs


def _unclaimed(fleet: Fleet) -> list[Job]:
    """A worker finds the job in the table before the sweeper re-sends its hint."""
    with away(fleet, "sweeper"):
        with away(fleet, "submit"):
            jobs = fleet.create()
            fleet.lose_hints()
        with contextlib.suppress(TimeoutError):  # killed there, the worker gets help from the sweeper
            wait_until(lambda: not fleet.are_in(jobs, "queued"), seconds=10, what="a scan of the table")
    fleet.finish(jobs)
    return jobs


def _response_lost(fleet: Fleet) -> list[Job]:
    fleet.traps.add("submit", "processed", fleet.processes.kill_caller)
    jobs = fleet.create()
    fleet.finish(jobs)
    return jobs


@contextlib.contextmanager
def away(fleet: Fleet, role: str) -> Iterator[None]:
    """Run the block without this process. A frozen one would still receive the hint that it was waiting for."""
    fleet.processes.retire(role)
    try:
        yield
    finally:
        fleet.processes.start(role)


def wait_for_removal(fleet: Fleet, job: Job) -> None:
    """Wait until no file of the job is left, for 10 seconds at most."""
    with contextlib.suppress(TimeoutError):
        wait_until(lambda: not any(job.id in name for name in fleet.cloudinary.files()), seconds=10, what="removals")


PLAIN = Flow("plain", _ordered())
PICTURED = Flow("with a picture", _ordered(with_picture=True))
DELETED = Flow("deleted at the end", _deleted_at_the_end)
HINTS_LOST = Flow("hints lost", _hints_lost)
UNCLAIMED = Flow("unclaimed", _unclaimed)
PASSED_ON = Flow("passed on", _passed_on(with_picture=True))
RESPONSE_LOST = Flow("response lost", _response_lost, unknown=1)
FLOWS = (
    PICTURED,
    PLAIN,
    Flow("refused", _ordered(on="submit", fault="400"), may_fail=("provider_refused",)),
    PASSED_ON,
    Flow("refused by all", _passed_on(on="submit", fault="404", skip=1), may_fail=("model_unavailable",)),
    Flow("busy", _ordered(on="submit", fault="503")),
    Flow("unclear", _ordered(on="submit", fault="lost"), unknown=1),
    Flow("failed", _ordered(on="work", fault="error", with_picture=True), may_fail=("generation_failed",)),
    Flow("given up at no charge", _ordered(on="work", fault="error", message=NOT_CHARGED)),
    Flow("poll fails", _ordered(on="poll", fault="500")),
    Flow("download fails", _ordered(on="download", fault="500")),
    Flow("slow download", _ordered(on="download", fault="drip", seconds=0.3)),
    HINTS_LOST,
    UNCLAIMED,
    RESPONSE_LOST,
    DELETED,
    Flow("deleted at once", _deleted_at_once),
)
