"""Plans of polls by known durations: pure plans first, then who follows them."""

import itertools
import math
import random
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from statistics import mean, median
from typing import Any

import pytest
from django.utils import timezone

from studio.models import TaskState
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import ORDER, MakeJob
from videos.engine import expectations, poll, poll_times, quota, schedule
from videos.models import VideoJob, from_now
from videos.phases import Phase
from videos.providers import google_omni, google_veo
from videos.providers.base import Progress

OMNI = "google_omni"
Draw = Callable[[random.Random], float]
CLUSTERED: dict[str, Draw] = {
    "a minute, more or less": lambda chance: chance.gauss(60, 6),
    "half a minute, by factors": lambda chance: 30 * math.exp(chance.gauss(0, 0.15)),
    "two minutes, by factors": lambda chance: 110 * math.exp(chance.gauss(0, 0.2)),
    "two kinds": lambda chance: chance.choice((40, 95)) * math.exp(chance.gauss(0, 0.1)),
    "all the same": lambda _: 60,
}
EVEN: dict[str, Draw] = {
    "11 s to 6 min": lambda chance: 11 * (360 / 11) ** chance.random(),
    "none likelier than another": lambda chance: 11 + chance.expovariate(1 / 50),
}


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    poll_times.forget()
    yield
    poll_times.forget()


def fixed_times(until: float) -> list[float]:
    """Polls without a plan, to this age at least."""
    times: list[float] = [schedule.FIRST_POLL]
    while times[-1] < until:
        times.append(times[-1] + schedule.poll_interval(times[-1], failures=0))
    return times


def polls_of(plan: Sequence[float]) -> list[float]:
    """The polls of a plan, and those after it."""
    start = plan[-1] if plan else schedule.FIRST_POLL
    after = [start + schedule.POLL_EVERY * number for number in range(1, 200)]
    return [*(plan or [schedule.FIRST_POLL]), *after]


def seen(times: Sequence[float], durations: Sequence[float]) -> tuple[list[float], float]:
    """The lags, and the mean number of polls, of operations that are polled at these times."""
    places = [bisect_left(times, seconds) for seconds in durations]
    lags = [times[place] - seconds for place, seconds in zip(places, durations, strict=True)]
    return lags, mean(place + 1 for place in places)


def drawn(draw: Draw, count: int, seed: int) -> list[float]:
    chance = random.Random(seed)
    return [max(draw(chance), 11) for _ in range(count)]


def as_seen(durations: Sequence[float]) -> list[float]:
    """The durations as polls at fixed intervals show them: too long, by up to an interval."""
    lags, _ = seen(fixed_times(1000), durations)
    return [seconds + lag for seconds, lag in zip(durations, lags, strict=True)]


@pytest.mark.parametrize("kind", CLUSTERED)
def test_usual_durations_are_seen_sooner_with_no_more_polls(kind: str) -> None:
    plan = poll_times.plan(as_seen(drawn(CLUSTERED[kind], 100, seed=1)))
    new = drawn(CLUSTERED[kind], 2000, seed=2)

    lags, polls = seen(polls_of(plan), new)

    _, fixed_polls = seen(fixed_times(1000), new)
    assert median(lags) <= 1.5
    assert polls <= 1.03 * fixed_polls  # the durations that it knows are a hundred of many
    assert max(lags) <= schedule.POLL_SLOWER


@pytest.mark.parametrize("kind", EVEN)
def test_durations_without_a_usual_one_keep_the_fixed_intervals(kind: str) -> None:
    found = [poll_times.plan(as_seen(drawn(EVEN[kind], 100, seed=seed))) for seed in range(10)]

    assert found == [[]] * 10


def test_few_durations_make_no_plan() -> None:
    durations = as_seen(drawn(CLUSTERED["a minute, more or less"], 20, seed=1))

    assert poll_times.plan([]) == poll_times.plan(durations[1:]) == []
    assert poll_times.plan(durations)
    assert poll_times.plan([500.0] * 100) == []  # of videos that take longer than any usual one, nothing is known


def test_plan_keeps_its_least_and_greatest_interval_and_the_first_poll() -> None:
    plan = poll_times.plan(as_seen(drawn(CLUSTERED["two minutes, by factors"], 100, seed=1)))

    gaps = {later - earlier for earlier, later in itertools.pairwise(plan)}

    assert plan[0] >= schedule.FIRST_POLL
    assert schedule.TICK <= min(gaps) < schedule.POLL_EVERY < max(gaps) <= schedule.POLL_SLOWER


@pytest.mark.parametrize("factor", [0.5, 0.7, 1.4, 2])
def test_plan_follows_durations_that_change_all_at_once(factor: float) -> None:
    """The sample then has only what polls of the earlier plans have seen."""
    usual = CLUSTERED["a minute, more or less"]
    sample = as_seen(drawn(usual, 100, seed=1))
    worst = 0.0
    lags: list[float] = []
    for round_number in range(20):
        durations = [factor * seconds for seconds in drawn(usual, 10, seed=2 + round_number)]
        lags, _ = seen(polls_of(poll_times.plan(sample)), durations)
        sample = [*sample, *(seconds + lag for seconds, lag in zip(durations, lags, strict=True))][-100:]
        worst = max(worst, *lags)

    assert worst <= schedule.POLL_SLOWER
    assert median(lags) <= 1.5


def known(**plans: list[float]) -> None:
    """Plans of the model of ORDER, by provider."""
    state = {provider: {ORDER.model: plan} for provider, plan in plans.items()}
    TaskState.objects.update_or_create(name=poll_times.NAME, defaults={"state": state, "due_at": timezone.now()})


def generating(make_user: MakeUser, make_job: MakeJob, *, age: float, provider: str = OMNI) -> VideoJob:
    owner = make_user(f"{provider}-{age}@example.com")
    job = make_job(owner, phase=Phase.GENERATING, provider=provider, model=ORDER.model)
    VideoJob.objects.filter(pk=job.pk).update(started_at=from_now(-age), due_at=from_now(-1))
    return job


def due_age(job: VideoJob) -> float:
    """The age at which the job is due."""
    job.refresh_from_db()
    assert job.due_at
    assert job.started_at
    return (job.due_at - job.started_at).total_seconds()


@pytest.mark.parametrize("limit", [0, 6000])
def test_claimed_jobs_are_due_at_their_next_planned_poll(
    make_user: MakeUser, make_job: MakeJob, settings: Any, limit: int
) -> None:
    settings.PROVIDER_POLLS_PER_MINUTE = limit
    known(google_omni=[20, 30, 31.5, 33])
    jobs = {age: generating(make_user, make_job, age=age) for age in (16, 30, 31.2, 40, 400)}
    free = generating(make_user, make_job, age=20, provider="mock")

    quota.claim_polls(limit=10)

    fixed = schedule.POLL_EVERY - schedule.TICK / 2
    slower = schedule.POLL_SLOWER - schedule.TICK / 2
    expected = {16: 20, 30: 31.5, 31.2: 33, 40: 40 + fixed, 400: 400 + slower}
    assert {age: due_age(job) for age, job in jobs.items()} == pytest.approx(expected, abs=0.5)
    assert due_age(free) == pytest.approx(20 + fixed, abs=0.5)


def test_reported_progress_keeps_the_plan(make_user: MakeUser, make_job: MakeJob) -> None:
    known(google_omni=[20, 30])
    job = generating(make_user, make_job, age=16)
    job.refresh_from_db()

    poll.apply_poll_result(job=job, result=Progress(percentage=40))
    planned = due_age(job)
    poll.apply_poll_result(job=job, result=Progress(next_poll_seconds=2))

    assert (planned, due_age(job)) == pytest.approx((20, 18), abs=0.5)


def test_plans_are_made_of_what_providers_took(make_user: MakeUser, make_job: MakeJob) -> None:
    took = as_seen(drawn(CLUSTERED["a minute, more or less"], 30, seed=1))
    ann = make_user()
    for provider in (OMNI, "google_vertex"):
        jobs = [make_job(ann, phase=Phase.SUCCEEDED, provider=provider, model=ORDER.model) for _ in took]
        for job, seconds in zip(jobs, took, strict=True):
            started_at = job.created_at + timedelta(hours=1)  # it waited for its turn
            times = {"started_at": started_at, "generated_at": started_at + timedelta(seconds=seconds)}
            VideoJob.objects.filter(pk=job.pk).update(**times, completed_at=started_at + timedelta(hours=2))
    VideoJob.objects.filter(provider="google_vertex", pk=jobs[0].pk).update(generated_at=None)

    expectations.refresh()

    plans = TaskState.objects.get(name=poll_times.NAME).state
    assert plans[OMNI] == {ORDER.model: pytest.approx(poll_times.plan(took))}
    assert poll_times.first(provider=OMNI, model=ORDER.model) == plans[OMNI][ORDER.model][0]
    assert poll_times.first(provider=OMNI, model="unknown") == 0
    assert plans["google_vertex"] == {ORDER.model: pytest.approx(poll_times.plan(took[1:]))}


def test_plans_poll_no_sooner_than_any_adapter_wants() -> None:
    assert max(google_omni.FIRST_POLL_SECONDS, google_veo.FIRST_POLL_SECONDS) == schedule.FIRST_POLL


def test_plans_are_read_once_a_minute(make_user: MakeUser, make_job: MakeJob, django_assert_num_queries: Any) -> None:
    known(google_omni=[20, 30])

    with django_assert_num_queries(1):
        waits = [poll_times.wait(provider=OMNI, model=ORDER.model, age=age) for age in (0, 20, 25)]

    assert waits == [20, 10, 5]
