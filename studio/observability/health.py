"""The registry of health checks: apps register them; `/readyz` and `doctor` run them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

logger = logging.getLogger(__name__)


class Health(IntEnum):
    """What a check found, the worse the higher."""

    OK = 0
    DEGRADED = 1  # requests are served, but something waits or fails
    DOWN = 2  # requests cannot be served


class Depth(IntEnum):
    """How thorough a run of the checks is."""

    QUICK = 0  # within milliseconds, for `/readyz`
    THOROUGH = 1  # `doctor`: asks storage and providers
    PROBE = 2  # `doctor --probe`: asks providers about each model


@dataclass(frozen=True)
class Finding:
    """The result of a check, with a sentence for operators."""

    health: Health
    sentence: str


@dataclass(frozen=True)
class Check:
    """A function that checks one thing, and the result if it does not return in time."""

    find: Callable[[], Finding]
    depth: Depth
    if_late: Health


_checks: dict[str, Check] = {}


def register(
    name: str, find: Callable[[], Finding], *, depth: Depth = Depth.QUICK, if_late: Health = Health.DEGRADED
) -> None:
    """Add a check, to be run at this depth and at deeper ones."""
    _checks[name] = Check(find, depth, if_late)


def checks(depth: Depth) -> dict[str, Check]:
    """The checks of this depth and shallower ones, by name."""
    return {name: check for name, check in _checks.items() if check.depth <= depth}


def run_checks(*, depth: Depth) -> dict[str, Finding]:
    """Run the checks, the quick ones first."""
    return {name: run(check) for name, check in sorted(checks(depth).items(), key=lambda item: item[1].depth)}


def run(check: Check) -> Finding:
    """The finding of one check; DOWN if it raises."""
    try:
        return check.find()
    except Exception as exc:  # the edge: the check reports any failure of what it checks
        logger.warning("health_check.failed", exc_info=True)
        return Finding(Health.DOWN, f"The check itself failed: {type(exc).__name__}.")
