"""A round of many videos on a cluster: all are ordered, all are in flight for a while, some end, then the others.

Time is real. Only the jobs' ages are not: each counts as 20 minutes older once it is accepted, so that it is polled
once a minute (`schedule.POLL_SLOWEST`).
"""

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db.models import Count

from benchmarks import fleet, orders, rows
from benchmarks.cluster import LOST_WITH_A_SUBMIT, Cluster
from videos.models import VideoJob

CLIENTS = 8
FILL_SECONDS = 900  # to order all and to have them accepted, at most
SEEN_SECONDS = 65  # until each of those has been polled
DRAIN_SECONDS = 60  # over which the others end, without regard to lags
TAIL_SECONDS = 600  # after the last end, at most, to store all; a killed submit is settled after 120
OLDER = (
    "UPDATE videos_videojob SET started_at = started_at - interval '20 minutes' WHERE id IN (SELECT id FROM"
    " videos_videojob WHERE phase = 'generating' AND started_at > now() - interval '15 minutes'"
    " FOR NO KEY UPDATE SKIP LOCKED)"
)


@dataclass
class Leg:
    """A part of a round: its seconds, CPU seconds by kind, polls by sweeper, and the machine's load at its end."""

    seconds: float = 0
    load: float = 0
    cpu: dict[str, float] = field(default_factory=dict)
    polls: Counter[str] = field(default_factory=Counter)

    @property
    def polls_a_second(self) -> float:
        """Of all sweepers together."""
        return sum(self.polls.values()) / self.seconds


@dataclass
class Round:
    """The orders of a round and its legs. `kills`: the processes to kill, each after a share of a leg."""

    cluster: Cluster
    google: str
    ordered: int  # through the API
    inserted: int  # as the provider has accepted them
    cruise_seconds: float  # without orders and ends
    ends_share: float  # of the videos, whose lags are judged
    ends_seconds: float  # over which they end
    kills: Mapping[str, Mapping[str, float]]
    legs: dict[str, Leg] = field(default_factory=dict)
    killed: list[str] = field(default_factory=list)
    in_flight: int = 0
    repeated: int = 0  # orders that were sent again

    @property
    def size(self) -> int:
        """The jobs of the round, ordered and inserted."""
        return self.ordered + self.inserted

    @property
    def prompts(self) -> list[str]:
        """Those of the ordered jobs, then of the inserted ones; each is of one job."""
        return [*self.ordered_prompts, *self.inserted_prompts]

    def fly(self) -> None:
        """Order all, wait, let some end, then all. Raises RuntimeError when they are not in flight in time."""
        self.cluster.forget_peaks()
        first = 10 * self.size  # no number of another round
        fleet.call(self.google, "/__hold__", {"first": first, "count": self.inserted})
        self.inserted_prompts = orders.in_flight(first, self.inserted)
        self._orders = orders.customers(first + self.inserted, self.ordered)
        self.ordered_prompts = [prompt for prompt, _ in self._orders]
        with leg(self.cluster, self.google) as self.legs["fill"]:
            self._fill()
        with leg(self.cluster, self.google) as self.legs["cruise"]:
            self._watch("cruise", lambda: 0, seconds=self.cruise_seconds)
        self.in_flight = _phases()["generating"]
        with leg(self.cluster, self.google) as self.legs["ends"]:
            self._end("ends", share=self.ends_share, seconds=self.ends_seconds)
        done_at = fleet.call(self.google, "/__done__")
        self.ended = {prompt for prompt in self.prompts if not math.isinf(done_at.get(prompt, math.inf))}
        if self.ends_share < 1:
            with leg(self.cluster, self.google) as self.legs["drain"]:
                self._end("drain", share=1, seconds=DRAIN_SECONDS)

    def _fill(self) -> None:
        left = self._orders[::-1]
        clients = [orders.Client(self.cluster.web_ports, left) for _ in range(CLIENTS)]
        for client in clients:
            client.start()

        def done() -> float:
            phases = _phases() if not left else {}
            accepted = phases.get("generating", 0) >= self.size - LOST_WITH_A_SUBMIT and not phases.get("queued")
            return 1 if accepted else min(1 - len(left) / self.ordered, 0.99)

        if not self._watch("fill", done, seconds=FILL_SECONDS):
            errors = {client.error for client in clients}
            raise RuntimeError(f"not in flight: {len(left)} orders left, {_phases()}, {errors}")
        self.repeated = sum(client.repeated for client in clients)

    def _end(self, leg: str, *, share: float, seconds: float) -> None:
        """Let a share of the videos end, and return when each has been polled; all: when no job is unfinished."""
        fleet.call(self.google, "/__end__", {"share": share, "seconds": seconds})
        began_at = time.monotonic()

        def done() -> float:
            passed = time.monotonic() - began_at
            if share == 1 and passed >= seconds:
                fleet.call(self.google, "/__end__", {"share": 1, "seconds": 1})  # those that were accepted late
                return 0.99 if _phases() else 1
            return passed / (seconds + SEEN_SECONDS)

        self._watch(leg, done, seconds=seconds + TAIL_SECONDS)

    def _watch(self, leg: str, done: Callable[[], float], *, seconds: float) -> bool:
        """Watch the cluster until the share that is done is 1, and kill processes at their shares; False: not in time.

        In this thread, because a process ends with the thread that has started it.
        """
        ends_at = time.monotonic() + seconds
        while (share := done()) < 1:
            if time.monotonic() > ends_at:
                return False
            self.cluster.watch()
            rows.execute(OLDER)
            for name, moment in self.kills.get(leg, {}).items():
                if share >= moment and name not in self.killed:
                    self.cluster.kill(name)
                    self.killed.append(name)
            time.sleep(1)
        return True


@contextmanager
def leg(cluster: Cluster, google: str) -> Iterator[Leg]:
    """Measures the block: what it takes is in the leg afterwards."""
    found, cpu, polls, began_at = Leg(), cluster.cpu_seconds(), _polls(cluster, google), time.monotonic()
    yield found
    cluster.look()
    now, found.seconds = cluster.cpu_seconds(), time.monotonic() - began_at
    found.cpu = {kind: now[kind] - cpu[kind] for kind in now}
    found.polls = _polls(cluster, google) - polls
    found.load = os.getloadavg()[0]


def _polls(cluster: Cluster, google: str) -> Counter[str]:
    """The polls that the fake of Google has counted, by sweeper."""
    found = Counter[str]()
    for port, count in fleet.call(google, "/__polls__").items():
        found[cluster.sweeper_of.get(int(port), "unknown")] += count
    return found


def _phases() -> dict[str, int]:
    """The unfinished jobs by phase."""
    return dict(VideoJob.objects.live().order_by().values_list("phase").annotate(Count("pk")))
