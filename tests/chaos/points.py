"""Every point at which a process can die in a job's life: found by watching jobs live, then tried one by one."""

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
UP_TO_THE_CLAIM = {
    "submit.submit",
    "submit._submit",
    "inputs.spec_of",
}  # where a submit is before it calls anybody
AFTER_THE_OUTCOME = {"suspension.count_acceptance"}  # where it is when the answer is stored


@dataclass(frozen=True)
class KillPoint:
    """Where a process dies: at a call, or a statement (`submit 3 UPDATE videos_videojob in …submit before`)."""

    flow: Flow
    where: str
    call: str = ""
    moment: str = ""

    @property
    def step(self) -> str:
        """What the process was about."""
        return self.call or self.where.partition(" ")[0]

    @property
    def may_lose_the_answer(self) -> bool:
        """Whether the job is claimed for the paid call, and what comes of that not stored yet."""
        if self.call == "delivery image":  # the last thing before the claim; who has the answer may be on its way
            return self.moment == "answered"
        if self.step != "submit" or self.call:
            return self.call in {"submit", REFUSAL}
        _, _, verb, *_, home, moment = self.where.split()
        if home in UP_TO_THE_CLAIM:
            return (verb, moment) == ("UPDATE", "after")
        return home not in AFTER_THE_OUTCOME and (verb, moment) != ("COMMIT", "after")

    def set(self, fleet: Fleet) -> None:
        if self.call:
            fleet.traps.add(self.call, self.moment, fleet.processes.kill_caller)
        else:
            fleet.arm(self.where)

    def was_reached(self, fleet: Fleet) -> bool:
        """Take it back; whether somebody died there."""
        fleet.google.account.faults.clear()
        left = fleet.traps.clear()
        return not left if self.call else fleet.disarm()


def watch(fleet: Fleet, flows: Iterable[Flow] = FLOWS) -> Iterator[KillPoint]:
    """Let a job live in each of the ways, and name the statements that no earlier one came by.

    Raises AssertionError when one of them does not end well even though nobody was killed.
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
                way = DELETED if statement.startswith("dispose") else flow  # the others do not wait for it
                yield KillPoint(way, f"{statement} before")
                yield KillPoint(way, f"{statement} after")


def calls() -> Iterator[KillPoint]:
    """The calls of vendors."""
    for call, flow in CALLS.items():
        for moment in MOMENTS:
            yield KillPoint(flow, f"{call} {moment}", call, moment)
    yield from (KillPoint(PICTURED, f"picture {moment}", "upload image", moment) for moment in MOMENTS)
    yield from (KillPoint(PASSED_ON, f"next submit {moment}", "submit", moment) for moment in MOMENTS)


def kill_at(fleet: Fleet, point: KillPoint) -> tuple[Outcome, bool]:
    """One run: what came of it, and whether the point was reached."""
    point.set(fleet)
    try:
        jobs = point.flow.run(fleet)
    finally:
        reached = point.was_reached(fleet)
    unknown = point.flow.unknown or int(point.may_lose_the_answer and reached)
    name = f"{point.where} ({point.flow.name})"
    outcome = examine(fleet, jobs, scenario=name, unknown_at_most=unknown, may_fail=point.flow.may_fail)
    return outcome, reached
