"""Faults that a test scripts for a fake vendor."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar


@dataclass
class Fault:
    """A fault of the next `times` calls of a kind, after `skip` normal ones."""

    on: str
    fault: str
    times: int = 1
    skip: int = 0


F = TypeVar("F", bound=Fault)


def take_next(faults: Iterable[F], on: str) -> F | None:
    """The fault of this call, which counts as used; None for a normal call. Call it under the account's lock."""
    for fault in faults:
        if fault.on == on and fault.times:
            if fault.skip:
                fault.skip -= 1
                return None
            fault.times -= 1
            return fault
    return None
