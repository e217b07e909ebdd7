"""Every point of a job's life at which a process can die: recorded from running jobs, then tried one by one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.chaos.fleet import Fleet
from tests.chaos.flows import DELETED, FLOWS, PASSED_ON, PICTURED, PLAIN, Flow
from tests.chaos.invariants import Outcome, examine
from tests.chaos.vendors import MOMENTS, REFUSAL

CALLS = {
    "submit": PLAIN,
    REFUSAL: PASSED_ON,
    "poll": PLAIN,
    "redirect": PLAIN,
    "download": PLAIN,
    "upload video": PLAIN,
    "upload image": PLAIN,  # the poster
    "delivery image": PICTURED,
    "destroy video": DELETED,
    "destroy image": DELETED,
}
# Functions of a submit before the paid call, and after its response is stored.
UP_TO_THE_CLAIM = {"submit.submit", "submit._submit", "inputs.spec_of"}
AFTER_THE_OUTCOME = {"suspension.count_acceptance"}
# A function of a submit that the provider refused: another thread may have the job by then, and be in its paid call.
AFTER_THE_REROUTE = {"outcomes.refund_cancelled"}


@dataclass(frozen=True)
class KillPoint:
    """Where a process dies: at a call, or a statement (`submit 3 UPDATE videos_videojob in …submit before`)."""

    flow: Flow
    where: str
    call: str = ""
    moment: str = ""

    @property
    def step(self) -> str:
        """The call or step in which the process dies."""
        return self.call or self.where.partition(" ")[0]

    @property
    def is_certain(self) -> bool:
        """Whether every run passes it: a claim has a third statement if a job's estimated progress has changed."""
        return self.step != "claim" or int(self.where.split()[1]) < 3

    @property
    def may_lose_response(self) -> bool:
        """Whether the job is claimed for the paid call and its response not stored yet."""
        if self.call == "delivery image":  # the last call before the claim: its response may lead to one
            return self.moment == "responded"
        if self.step != "submit" or self.call:
            return self.call in {"submit", REFUSAL}
        _, _, verb, *_, home, moment = self.where.split()
        if home in UP_TO_THE_CLAIM:
            return (verb, moment) == ("COMMIT", "after")
        if home in AFTER_THE_REROUTE or (self.flow is PASSED_ON and verb == "COMMIT"):
            return True
        return home not in AFTER_THE_OUTCOME and (verb, moment) != ("COMMIT", "after")

    def set(self, fleet: Fleet) -> None:
        if self.call:
            fleet.traps.add(self.call, self.moment, fleet.processes.kill_caller)
        else:
            fleet.arm(self.where)

    def was_reached(self, fleet: Fleet) -> bool:
        """Disarm the point; whether a process died there."""
        fleet.google.account.faults.clear()
        left = fleet.traps.clear()
        return not left if self.call else fleet.disarm()


def watch(fleet: Fleet, flows: Iterable[Flow] = FLOWS) -> Iterator[KillPoint]:
    """Run each flow undisturbed, and yield two points for each statement that no earlier flow passed.

    Raises AssertionError when a flow breaks an invariant although no process was killed.
    """
    seen: set[str] = set()
    for flow in flows:
        with fleet.traced() as statements:
            jobs = flow.run(fleet)
        outcome = examine(fleet, jobs, scenario=flow.name, unknown_at_most=flow.unknown, may_fail=flow.may_fail)
        assert outcome.is_good, outcome
        for statement in statements:
            if statement not in seen:
                seen.add(statement)
                way = DELETED if statement.startswith("dispose") else flow  # only DELETED waits for the removal
                yield KillPoint(way, f"{statement} before")
                yield KillPoint(way, f"{statement} after")


def calls() -> Iterator[KillPoint]:
    """Three points for each call of a vendor."""
    for call, flow in CALLS.items():
        for moment in MOMENTS:
            yield KillPoint(flow, f"{call} {moment}", call, moment)
    yield from (KillPoint(PICTURED, f"picture {moment}", "upload image", moment) for moment in MOMENTS)
    yield from (KillPoint(PASSED_ON, f"next submit {moment}", "submit", moment) for moment in MOMENTS)


def kill_at(fleet: Fleet, point: KillPoint) -> tuple[Outcome, bool]:
    """One run: its outcome, and whether the point was reached."""
    point.set(fleet)
    try:
        jobs = point.flow.run(fleet)
    finally:
        reached = point.was_reached(fleet)
    unknown = point.flow.unknown or int(point.may_lose_response and reached)
    name = f"{point.where} ({point.flow.name})"
    outcome = examine(fleet, jobs, scenario=name, unknown_at_most=unknown, may_fail=point.flow.may_fail)
    return outcome, reached
