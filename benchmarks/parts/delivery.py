"""From the end of a video at its provider to SUCCEEDED, in real time: without and with known durations.

Submit worker, media worker and sweeper make the same videos twice. First no durations are known, so polls keep their
fixed intervals; then the sample has a hundred, as polls at those intervals saw them. A table before that has other
distributions, without processes: the plans of the product, and polls at their times.
"""

import math
import random
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from benchmarks import fleet, meters
from benchmarks.deployment import Deployment, deployment
from benchmarks.report import Report
from benchmarks.vendors import SECONDS, prompt_of

SEED = 3
KNOWN = 100  # durations, as many as a sample has
MEDIAN_SECONDS, SPREAD = 45.0, 0.15  # of the videos in real time: logarithmically normal
EVERY_SECONDS = 0.7  # an order
LAG_SECONDS, POLLS_MORE = 1.5, 1.0  # targets: median, and polls to those at fixed intervals
MODEL_NAME = "veo-3.1-generate-preview"  # the public one
SIMULATED = 2000  # videos of each distribution

Draw = Callable[[random.Random], float]


def around(median: float, spread: float, chance: random.Random) -> float:
    """A duration whose logarithm is normal: two of three are within a factor of e^spread of the median."""
    return median * math.exp(chance.gauss(0, spread))


DISTRIBUTIONS: dict[str, Draw] = {
    "all take 60 s": lambda _: 60,
    **{f"{median} s, σ {spread}": partial(around, median, spread)
       for median, spread in ((30, 0.15), (60, 0.1), (60, 0.2), (60, 0.35), (110, 0.1), (110, 0.2), (110, 0.35))},
    "40 s or 95 s, σ 0.12": lambda chance: around(chance.choice((40, 95)), 0.12, chance),
    "11-360 s, evenly by logarithm": lambda chance: 11 * (360 / 11) ** chance.random(),
    "11 s and more, exponential": lambda chance: 11 + chance.expovariate(1 / 50),
}  # fmt: skip


@dataclass
class Round:
    """The same videos, made once."""

    poll_lags: list[float] = field(default_factory=list)  # from done at Google to known here
    transfers: list[float] = field(default_factory=list)  # from known to SUCCEEDED
    polls: float = 0  # a video
    unfinished: int = 0
    usage: fleet.Usage = field(default_factory=fleet.Usage)

    @property
    def lags(self) -> list[float]:
        """From done at Google to SUCCEEDED."""
        return [lag + transfer for lag, transfer in zip(self.poll_lags, self.transfers, strict=True)]


def run(report: Report) -> None:
    """Simulate all distributions, then make videos of one, without and with known durations."""
    videos = 100 if report.full else 30
    usual: Draw = partial(around, MEDIAN_SECONDS, SPREAD)
    with fleet.vendors() as addresses, deployment(**addresses) as site:
        _simulate(report)
        fleet.use_upstream_of_fakes()
        takes, url = _drawn(usual, videos, SEED), addresses["GOOGLE_GEMINI_BASE_URL"]
        rounds = []
        for known in ([], [seconds + lag for seconds, (lag, _) in _polled([], _drawn(usual, KNOWN, SEED + 1))]):
            _know(known)
            rounds.append(_round(site, url, takes))
    _report(report, takes, *rounds)


def _drawn(draw: Draw, count: int, seed: int) -> list[float]:
    chance = random.Random(seed)
    return [max(draw(chance), 11.0) for _ in range(count)]


def _polled(plan: Sequence[float], takes: Sequence[float]) -> list[tuple[float, tuple[float, int]]]:
    """Each duration with the lag and the number of its polls, by a sweeper that ticks at any moment."""
    chance = random.Random(SEED)
    return [(seconds, _polls(plan, seconds, tick_at=chance.random())) for seconds in takes]


def _polls(plan: Sequence[float], seconds: float, *, tick_at: float) -> tuple[float, int]:
    from videos.engine import poll_times, schedule

    due, polls = plan[0] if plan else schedule.FIRST_POLL, 1
    while (age := (math.ceil(due / schedule.TICK - tick_at) + tick_at) * schedule.TICK) < seconds:
        due, polls = age + poll_times.wait_in(plan, age), polls + 1
    return age - seconds, polls


def _simulate(report: Report) -> None:
    """Each plan is of a hundred durations; every hundred videos have a new one."""
    from videos.engine import poll_times

    table = []
    for name, draw in DISTRIBUTIONS.items():
        found: dict[str, list[tuple[float, int]]] = {"fixed": [], "planned": []}
        for seed in range(SIMULATED // KNOWN):
            known = [seconds + lag for seconds, (lag, _) in _polled([], _drawn(draw, KNOWN, seed))]
            takes = _drawn(draw, KNOWN, seed + SIMULATED)
            for how, plan in (("fixed", []), ("planned", poll_times.plan(known))):
                found[how] += [facts for _, facts in _polled(plan, takes)]
        table.append([name, *(figure for facts in found.values() for figure in _figures(facts))])
    header = [f"{how} {what}" for how in ("fixed", "planned") for what in ("p50 s", "p95 s", "polls")]
    report.table("Simulated: from the end of a video to the poll that sees it", ["durations", *header], table)


def _figures(facts: Sequence[tuple[float, int]]) -> list[float]:
    lags = [lag for lag, _ in facts]
    return [meters.quantile(lags, 0.5), meters.quantile(lags, 0.95), sum(polls for _, polls in facts) / len(facts)]


def _know(durations: Sequence[float]) -> None:
    """Store the plan of these durations, and keep the sweeper from making a new one in the next hour."""
    from django.utils import timezone

    from studio.models import TaskState
    from videos.engine import expectations, poll_times

    hour = timezone.now() + timezone.timedelta(hours=1)
    TaskState.objects.update_or_create(name=expectations.NAME, defaults={"due_at": hour})
    poll_times.store({"google_omni": {MODEL_NAME: durations}} if durations else {})


def _round(site: Deployment, url: str, takes: Sequence[float]) -> Round:
    made = Round()
    polls = _counted_polls(url)
    with fleet.fleet(site, factor=1) as ids, fleet.watched(ids) as made.usage:
        jobs = _order(takes)
        fleet.wait_for(jobs, seconds=max(takes) + 120, site=site)
    made.polls = (_counted_polls(url) - polls) / len(takes)
    _read_times(made, jobs, fleet.call(url, "/__done__"))
    return made


def _counted_polls(url: str) -> int:
    """The polls so far, of all ports."""
    return sum(fleet.call(url, "/__polls__").values())


def _order(takes: Sequence[float]) -> list[Any]:
    """A job for each duration, three a user, one after the other."""
    from benchmarks import rows
    from videos import creation
    from videos.job_requests import VideoJobRequest

    jobs = []
    for number, seconds in enumerate(takes):
        if number % 3 == 0:
            owner = rows.user(f"customer-{uuid.uuid4().hex[:8]}")
        order = VideoJobRequest(
            prompt=prompt_of(number, seconds),
            model=MODEL_NAME,
            resolution="720p",
            aspect_ratio="16:9",
            duration_seconds=SECONDS,
            generate_audio=True,
            mock_mode=False,
        )
        jobs.append(creation.create(owner=owner, job_request=order).pk)
        time.sleep(EVERY_SECONDS)
    return jobs


def _read_times(made: Round, jobs: Sequence[Any], done_at: dict[str, float]) -> None:
    from videos.models import VideoJob

    for job in VideoJob.objects.filter(pk__in=jobs):
        if job.phase != "succeeded" or not job.generated_at or not job.completed_at:
            made.unfinished += 1
            continue
        made.poll_lags.append(job.generated_at.timestamp() - done_at[job.prompt])
        made.transfers.append((job.completed_at - job.generated_at).total_seconds())


def _report(report: Report, takes: Sequence[float], fixed: Round, planned: Round) -> None:
    report.table(
        f"Measured in real time: {len(takes)} videos of {min(takes):.0f}-{max(takes):.0f} s",
        ["polls", "a video", "done to SUCCEEDED p50 s", "p95 s", "done to known p50 s", "p95 s",
         "known to SUCCEEDED p50 s", "p95 s", "CPU s/video"],
        [[name, made.polls, *(meters.quantile(values, share) for values in (made.lags, made.poll_lags, made.transfers)
                              for share in (0.5, 0.95)), made.usage.cpu_seconds / len(takes)]
         for name, made in (("at fixed intervals", fixed), ("planned", planned))],
    )  # fmt: skip
    report.target("videos that did not succeed", value=fixed.unfinished + planned.unfinished, limit=0, unit="")
    lag = meters.quantile(planned.lags, 0.5)
    report.target("lag p50, done to SUCCEEDED, planned", value=lag, limit=LAG_SECONDS, unit=" s")
    report.target("polls a video, planned to fixed", value=planned.polls / fixed.polls, limit=POLLS_MORE)
