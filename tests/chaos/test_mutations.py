"""The suite can fail: without any one safeguard of the engine, a run that is otherwise green breaks an invariant."""

import os
from collections.abc import Callable

import pytest

from tests.chaos.catalogue import retired_upstream
from tests.chaos.fleet import Fleet
from tests.chaos.flows import DELETED, HINTS_LOST, PLAIN
from tests.chaos.invariants import Outcome, examine
from tests.chaos.points import KillPoint, kill_at, watch
from tests.chaos.scenarios.disturbances import adopted
from tests.chaos.scenarios.freezes import submit_frozen_before_claim
from tests.chaos.scenarios.scenario import SHORT
from tests.chaos.scenarios.webhooks import killed_at, receiver_fails

pytestmark = [pytest.mark.slow, pytest.mark.product, pytest.mark.timeout(300)]
KIND = os.environ.get("TEST_DATABASE", "sqlite")


def killed_before_response(fleet: Fleet) -> Outcome:
    return kill_at(fleet, KillPoint(PLAIN, "submit processed", "submit", "processed"))[0]


def hints_lost(fleet: Fleet) -> Outcome:
    return examine(fleet, HINTS_LOST.run(fleet), scenario="hints lost")


def adopted_and_failed(fleet: Fleet) -> Outcome:
    return adopted(fleet, SHORT, "adopted")


def frozen_before_claim(fleet: Fleet) -> Outcome:
    return submit_frozen_before_claim(fleet, "frozen before its claim")


def lost_beside_another_upstream(fleet: Fleet) -> Outcome:
    fleet.google.account.retired.clear()  # both upstreams would make the video
    fleet.google.script("submit", "lost")
    with retired_upstream(fleet.database):
        jobs = fleet.create()
        return examine(fleet, jobs, scenario="unclear beside another upstream", unknown_at_most=1)


def killed_after_a_deletion(fleet: Fleet) -> Outcome:
    """The web process dies when the deletion is committed: no later change of the job has an event."""
    points = [point for point in watch(fleet, [DELETED]) if point.step == "delete"]
    jobs = fleet.create()
    fleet.finish(jobs)
    fleet.listener.catch_up()
    next(point for point in points if point.where.endswith("COMMIT in deletion.delete after")).set(fleet)
    fleet.delete(jobs[0])
    return examine(fleet, jobs, scenario="killed after a deletion")


def webhook_refused_at_first(fleet: Fleet) -> Outcome:
    return receiver_fails(fleet, SHORT, "webhook receiver fails")


def killed_before_the_messages(fleet: Fleet) -> Outcome:
    """The sweeper dies just before the messages of a page of events are inserted."""
    return killed_at(fleet, "INSERT videos_webhookdelivery", "killed before the messages")


# The safeguard, the run that needs it, and the column that is no longer 0 without it.
CASES = [
    ("unfenced", frozen_before_claim, "doubled"),
    ("call-before-claim", killed_before_response, "doubled"),
    ("repeated-entries", adopted_and_failed, "money"),
    ("no-rehint", hints_lost, "stuck"),
    ("unsure-refusal", lost_beside_another_upstream, "doubled"),
    ("late-events", killed_after_a_deletion, "stuck"),
    ("forgotten-messages", webhook_refused_at_first, "stuck"),
    ("cursor-first", killed_before_the_messages, "stuck"),
]


@pytest.mark.parametrize(("mutation", "run", "column"), CASES, ids=[case[0] for case in CASES])
def test_breaks_an_invariant_without(mutation: str, run: Callable[[Fleet], Outcome], column: str) -> None:
    patience = 6 if column == "stuck" else 30  # a stuck job takes the whole patience
    has_webhooks = run in {webhook_refused_at_first, killed_before_the_messages}
    options = {"patience_seconds": patience, "webhooks": has_webhooks}
    with Fleet(kind=KIND, mutation=mutation, policy="failed", **options) as fleet:
        outcome = run(fleet)

    assert getattr(outcome, column) > 0
