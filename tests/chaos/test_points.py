"""A process dies at a point of a job's life: a sample of the points that `make chaos` tries."""

import os
from collections.abc import Sequence

import pytest

from tests.chaos.fleet import Fleet
from tests.chaos.flows import PASSED_ON, PICTURED, PLAIN
from tests.chaos.invariants import Outcome, examine_remaining_files
from tests.chaos.points import KillPoint, calls, kill_at, watch

pytestmark = [pytest.mark.slow, pytest.mark.product, pytest.mark.timeout(300)]
KIND = os.environ.get("TEST_DATABASE", "sqlite")


def test_killed_around_every_call() -> None:
    with Fleet(kind=KIND) as fleet:
        found = try_all(
            fleet, [point for point in calls() if point.call == "submit" or point.moment == "processed"][::2]
        )

    assert found == ([], [])


@pytest.mark.parametrize("steps", ["submit", "transfer", "create claim poll"])
def test_killed_at_statements(steps: str) -> None:
    with Fleet(kind=KIND) as fleet:
        points = [point for point in watch(fleet, [PICTURED, PLAIN]) if point.step in steps.split()]
        found = try_all(fleet, [point for point in points if point.flow is PICTURED][::8])

    assert len(points) > 10
    assert found == ([], [])


def test_killed_while_another_upstream_takes_the_job() -> None:
    with Fleet(kind=KIND) as fleet:
        watched = list(watch(fleet, [PICTURED, PASSED_ON]))
        points = [point for point in watched if point.flow is PASSED_ON and point.step == "submit"]
        found = try_all(fleet, points[::-5])

    assert points[-1].where.endswith("COMMIT in submit._write_through_outage after")
    assert found == ([], [])


def try_all(fleet: Fleet, points: Sequence[KillPoint]) -> tuple[list[Outcome], list[str]]:
    """The bad outcomes, and the points that no process reached, although each run passes them."""
    runs = [(point, *kill_at(fleet, point)) for point in points]
    last = Outcome("files at the end")
    examine_remaining_files(fleet, last)
    outcomes = [outcome for _, outcome, _ in runs]
    missed = [point.where for point, _, reached in runs if not reached and point.is_certain]
    return [outcome for outcome in [*outcomes, last] if not outcome.is_good], missed
