"""A scenario of the suite, and the two scales at which it runs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.fleet import Fleet
from tests.chaos.invariants import Outcome


@dataclass(frozen=True)
class Scale:
    """How long and how much: the short form is for every test run, the long one for `make chaos`."""

    outage_seconds: float
    jobs: int
    rolling: int
    in_flight: int
    clocks: tuple[tuple[str, float], ...]


# Seconds of an outage; jobs of most scenarios; jobs of the two restarts; roles whose clock is wrong, and by how much.
SHORT = Scale(outage_seconds=2.5, jobs=3, rolling=12, in_flight=24, clocks=(("sweeper", 300), ("media", -300)))
LONG = Scale(
    outage_seconds=30,
    jobs=9,
    rolling=100,
    in_flight=1000,
    clocks=tuple((role, off) for role in ("web", "submit", "media", "sweeper") for off in (300.0, -300.0)),
)


@dataclass(frozen=True)
class Scenario:
    """`options`: of a fleet of its own, where the scenario needs one."""

    name: str
    run: Callable[[Fleet, Scale, str], Outcome]
    databases: tuple[str, ...] = ("sqlite", "postgres")
    options: dict[str, Any] = field(default_factory=dict)
