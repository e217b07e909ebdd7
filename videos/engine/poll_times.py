"""When to poll an operation: often at the ages at which operations of its model usually end, seldom at other ages.

The last durations of a provider and model say how likely an operation of some age is to end in the next second. For a
given number of polls, the mean lag is least where the rate of polls is in proportion to the square root of that
likelihood. The plan has as many polls, on average, as the fixed intervals of `schedule.poll_interval`, which apply
where no plan is known, and to operations older than the plan (docs/decisions/30-polls-where-videos-end.md).
"""

import math
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise

from django.db.models.functions import Now

from studio.models import TaskState
from videos.engine import schedule
from videos.providers.registry import PAID

NAME = "poll_times"  # of the row with the plans
KEPT_SECONDS = 60  # by each process
KNOWN_LEAST = 20  # durations of a provider and model
# Simulated in 2026-11 with the distributions of `benchmarks/parts/delivery.py`. More groups follow chance, fewer cannot
# tell two usual durations from one. Where no duration is usual, chance alone promises up to a tenth less lag.
GROUPS = 10  # of durations, of one size
WORTH = 0.85  # of the mean lag at fixed intervals: a plan that promises more is not used
HALVINGS = 30  # of the search for the number of polls; far finer than a cell

Plans = Mapping[str, Mapping[str, Sequence[float]]]  # ages in seconds, ascending, by provider and public model


def first(*, provider: str, model: str) -> float:
    """The age at which an operation is polled first, in seconds; 0 without a plan."""
    return next(iter(_plan(provider, model)), 0)


def wait(*, provider: str, model: str, age: float) -> float:
    """Seconds to the next poll of an operation of this age that is polled now."""
    return wait_in(_plan(provider, model), age)


def wait_in(plan: Sequence[float], age: float) -> float:
    """Seconds to the next poll at this age: at the next age of the plan, or after the usual interval."""
    # the sweeper is half a TICK late on average: the rest compensates for it
    slack = schedule.TICK / 2
    place = bisect_right(plan, age + slack)
    return plan[place] - age if place < len(plan) else max(schedule.poll_interval(age, failures=0) - slack, 0)


def _plan(provider: str, model: str) -> Sequence[float]:
    if provider not in PAID:  # the others say themselves when to poll next
        return ()
    return _plans(int(time.monotonic() // KEPT_SECONDS)).get(provider, {}).get(model, ())


@lru_cache(maxsize=1)
def _plans(period: int) -> Plans:
    row = TaskState.objects.filter(name=NAME).first()
    return row.state if row else {}


forget = _plans.cache_clear  # for tests


def store(durations: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    """Store the plans of these durations, by provider and model, for all processes."""
    state = {
        provider: {model: plan(seconds) for model, seconds in models.items()} for provider, models in durations.items()
    }
    TaskState.objects.update_or_create(name=NAME, defaults={"state": state, "due_at": Now()})


def plan(durations: Sequence[float]) -> list[float]:
    """The ages at which to poll; empty where too few durations are known, or the fixed intervals are as good."""
    usual = sorted(seconds for seconds in durations if seconds < schedule.POLL_SLOWER_AFTER)
    if len(usual) < KNOWN_LEAST:
        return []
    ends = _Ends(usual, late=1 - len(usual) / len(durations))
    fixed = list(_fixed(ends.until))
    budget = ends.polls(fixed)
    few, many = 1e-6, 1e6  # factors: polls at the least rate, and at the greatest
    for _ in range(HALVINGS):
        middle = math.sqrt(few * many)
        if ends.polls(ends.spread(middle)) <= budget:
            few = middle
        else:
            many = middle
    found = ends.spread(few)
    return found if ends.lag(found) <= WORTH * ends.lag(fixed) else []


def _fixed(until: float) -> Iterator[float]:
    """The fixed times, the first that is not before `until` included."""
    age: float = schedule.FIRST_POLL
    while age < until:
        yield age
        age += schedule.poll_interval(age, failures=0)
    yield age


class _Ends:
    """How likely operations are to end at each age, in cells of half a TICK.

    Durations are known from polls, up to an interval too long. So each group of them, all of one size, spreads evenly
    from a poll interval before its first to a TICK after its last.
    """

    def __init__(self, usual: Sequence[float], *, late: float) -> None:
        """Estimate it from ascending durations; `late` is the share of operations that take longer than all of them."""
        self._cell = schedule.TICK / 2
        last = len(usual) - 1
        edges = [usual[round(number * last / GROUPS)] for number in range(GROUPS + 1)]
        self._ending = [0.0] * self._at(edges[-1] + schedule.TICK)
        self.until = len(self._ending) * self._cell
        for low, high in pairwise(edges):
            cells = range(self._at(max(low - schedule.POLL_EVERY, 0)), self._at(high + schedule.TICK))
            for cell in cells:
                self._ending[cell] += (1 - late) / GROUPS / len(cells)
        running = accumulate(reversed(self._ending), initial=late)
        self._running = list(running)[::-1]  # the share that runs at the beginning of each cell, and after the last

    def _at(self, age: float) -> int:
        return math.ceil(age / self._cell)

    def polls(self, times: Sequence[float]) -> float:
        """The mean number of polls at these times."""
        return 1 + sum(self._running[min(self._at(age), len(self._ending))] for age in times[:-1])

    def lag(self, times: Sequence[float]) -> float:
        """The mean time in seconds from the end to the poll that sees it."""
        ages = ((cell + 0.5) * self._cell for cell in range(len(self._ending)))
        return sum(
            share * (times[bisect_left(times, age)] - age) for age, share in zip(ages, self._ending, strict=True)
        )

    def spread(self, factor: float) -> list[float]:
        """Times at a rate of `factor` times the root of the likelihood, TICK to POLL_SLOWER apart."""
        most, least = 1 / schedule.TICK, 1 / schedule.POLL_SLOWER
        times, polls = [], 0.0
        begins_at = schedule.FIRST_POLL - schedule.POLL_EVERY
        for cell in range(self._at(begins_at), self._at(self.until - schedule.TICK)):
            likelihood = self._ending[cell] / self._cell / self._running[cell] if self._ending[cell] else 0
            polls += min(max(factor * math.sqrt(likelihood), least), most) * self._cell
            age = (cell + 1) * self._cell
            if polls >= 1 and age >= schedule.FIRST_POLL:
                times.append(age)
                polls %= 1
        return [*times, max(self.until, schedule.FIRST_POLL)]
