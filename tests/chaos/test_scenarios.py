"""The scenarios and the upheavals, in their short form."""

import os

import pytest

from tests.chaos.scenarios.disturbances import SCENARIOS
from tests.chaos.scenarios.scenario import SHORT, Scenario
from tests.chaos.scenarios.upheavals import random_kills, restart_of_all, rolling_restart
from tests.chaos.suite import table, try_scenarios

pytestmark = [pytest.mark.slow, pytest.mark.product, pytest.mark.timeout(300)]
KIND = os.environ.get("TEST_DATABASE", "sqlite")
APPLICABLE = [scenario for scenario in SCENARIOS if KIND in scenario.databases]


@pytest.mark.parametrize("third", [0, 1, 2])
def test_scenarios(third: int) -> None:
    outcomes = try_scenarios(APPLICABLE[third::3], kind=KIND, scale=SHORT, log=lambda line: None)

    assert all(outcome.is_good for outcome in outcomes), table(outcomes)


def test_upheavals() -> None:
    seed = int.from_bytes(os.urandom(4))
    scenarios = [
        Scenario("rolling restart", rolling_restart),
        Scenario("restart of all", restart_of_all),
        Scenario(f"random kills, seed {seed}", random_kills(10, seed)),
    ]

    outcomes = try_scenarios(scenarios, kind=KIND, scale=SHORT, log=lambda line: None)

    assert all(outcome.is_good for outcome in outcomes), table(outcomes)
