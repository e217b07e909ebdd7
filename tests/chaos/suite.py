"""Runs points and scenarios on fleets, and collects the outcomes in a table."""

import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tests.chaos.fleet import Fleet
from tests.chaos.invariants import Outcome, examine_remaining_files
from tests.chaos.points import KillPoint, calls, kill_at, watch
from tests.chaos.scenarios.scenario import Scale, Scenario

COLUMNS = ("jobs", "succeeded", "unknown", "doubled", "stuck", "money wrong")


def all_points(*, kind: str) -> list[KillPoint]:
    """Every point at which a process can die, on this database."""
    with Fleet(kind=kind) as fleet:
        return [*calls(), *watch(fleet)]


def try_points(points: Sequence[KillPoint], *, kind: str, log: Callable[[str], None], **options: Any) -> list[Outcome]:
    """One run for each point, all on one fleet. Returns a row of the table for each step."""
    rows: dict[str, Outcome] = {}
    missed = 0
    with Fleet(kind=kind, **options) as fleet:
        for point in points:
            began = time.monotonic()
            outcome, reached = kill_at(fleet, point)
            missed += not reached
            log(f"{time.monotonic() - began:5.1f} s {'' if reached else '(not reached) '}{outcome}")
            row = rows.setdefault(point.step, Outcome(f"{kind}: killed in {point.step}"))
            row.add(outcome)
        last = Outcome(f"{kind}: files at the end")
        examine_remaining_files(fleet, last)
        log(f"{len(points)} points, of which {missed} were not reached")
    return [*rows.values(), *([] if last.is_good else [last])]


def try_scenarios(
    scenarios: Iterable[Scenario], *, kind: str, scale: Scale, log: Callable[[str], None], **options: Any
) -> list[Outcome]:
    """Run each scenario on one fleet, or on its own where it has options. A scenario that raises counts as stuck."""
    outcomes: list[Outcome] = []
    with Fleet(kind=kind, **options) as fleet:
        for scenario in scenarios:
            name, began = f"{kind}: {scenario.name}", time.monotonic()
            if scenario.options:
                with Fleet(kind=kind, **options | scenario.options) as own:
                    outcomes.append(_try(scenario, own, scale, name))
            else:
                outcomes.append(_try(scenario, fleet, scale, name))
            log(f"{time.monotonic() - began:5.1f} s {outcomes[-1]}")
        last = Outcome(f"{kind}: files at the end")
        examine_remaining_files(fleet, last)
    return [*outcomes, *([] if last.is_good else [last])]


def _try(scenario: Scenario, fleet: Fleet, scale: Scale, name: str) -> Outcome:
    try:
        return scenario.run(fleet, scale, name)
    except Exception:  # keeps the table complete
        outcome = Outcome(name)
        outcome.blame("stuck", traceback.format_exc())
        return outcome
    finally:
        fleet.google.account.faults.clear()
        fleet.traps.clear()


def side_by_side(works: Sequence[Callable[[], list[Outcome]]]) -> list[Outcome]:
    """Run all at once, each in a thread: they mostly wait for leases."""
    outcomes: list[Outcome] = []

    def run(work: Callable[[], list[Outcome]]) -> None:
        try:
            outcomes.extend(work())
        except Exception:  # the edge of a thread
            failed = Outcome("the suite itself")
            failed.blame("stuck", traceback.format_exc())
            outcomes.append(failed)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def merged(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """One row for each name."""
    rows: dict[str, Outcome] = {}
    for outcome in outcomes:
        rows.setdefault(outcome.scenario, Outcome(outcome.scenario)).add(outcome)
    return list(rows.values())


def table(outcomes: Sequence[Outcome]) -> str:
    """Names and numbers; below them the first 100 faults."""
    width = max(len(outcome.scenario) for outcome in outcomes)
    lines = [" ".join([f"{'scenario':<{width}}", *(f"{column:>11}" for column in COLUMNS)])]
    total = Outcome("all")
    for outcome in outcomes:
        total.add(outcome)
    for row in (*outcomes, total):
        numbers = (row.jobs, row.succeeded, row.unknown, row.doubled, row.stuck, row.money)
        lines.append(" ".join([f"{row.scenario:<{width}}", *(f"{number:>11}" for number in numbers)]))
    faults = [f"{outcome.scenario}: {fault}" for outcome in outcomes for fault in outcome.faults]
    return "\n".join([*lines, "", *faults[:100]])
