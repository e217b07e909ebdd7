"""PROVIDER_POLLS_PER_MINUTE: which jobs are polled first, and that no minute sees more polls."""

import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob, make_due
from tests.threads import at_once
from videos.engine import sweeper
from videos.models import PollQuota, VideoJob, from_now
from videos.phases import Phase

TICK = 0.5  # seconds


@pytest.fixture
def generating(make_user: MakeUser, make_job: MakeJob) -> list[VideoJob]:
    """Three videos at Google, the first of which has waited longest for a poll."""
    ann = make_user()
    jobs = [make_job(ann, phase=Phase.GENERATING, provider="google_veo") for _ in range(3)]
    for number, job in enumerate(jobs):
        VideoJob.objects.filter(pk=job.pk).update(due_at=from_now(number - 10))
    return jobs


def taken() -> list[Any]:
    return [job.pk for job, _ in sweeper.claim_due_polls(10)]


def pass_time(seconds: float) -> None:
    """Let this much time pass."""
    step = timedelta(seconds=seconds)
    VideoJob.objects.update(due_at=F("due_at") - step)
    PollQuota.objects.update(next_poll_at=F("next_poll_at") - step)


def test_no_limit_by_default(generating: list[VideoJob]) -> None:
    assert sorted(taken()) == sorted(job.pk for job in generating)
    assert not PollQuota.objects.exists()


def test_longest_waiting_come_first(generating: list[VideoJob]) -> None:
    found = [[job.pk for job, _ in sweeper.claim_due_polls(limit)] for limit in (1, 0, 1, 5)]

    assert found == [[generating[0].pk], [], [generating[1].pk], [generating[2].pk]]


def test_quota_is_for_the_longest_waiting_and_others_stay_due(generating: list[VideoJob], settings: Any) -> None:
    settings.PROVIDER_POLLS_PER_MINUTE = 1
    first, second, third = (job.pk for job in generating)

    assert taken() == [first]
    assert taken() == []
    assert [job.pk for job in VideoJob.objects.due(Phase.GENERATING)] == [second, third]
    pass_time(62)
    assert taken() == [second]


def test_polls_of_free_providers_are_not_counted(
    generating: list[VideoJob], make_user: MakeUser, make_job: MakeJob, settings: Any
) -> None:
    settings.PROVIDER_POLLS_PER_MINUTE = 1
    bob = make_user("bob@example.com")
    mocks = [make_job(bob, phase=Phase.GENERATING).pk for _ in range(3)]

    assert sorted(taken()) == sorted([generating[0].pk, *mocks])


def test_each_provider_has_its_own_quota(generating: list[VideoJob], settings: Any) -> None:
    settings.PROVIDER_POLLS_PER_MINUTE = 1
    VideoJob.objects.filter(pk=generating[2].pk).update(provider="google_vertex")

    assert sorted(taken()) == sorted([generating[0].pk, generating[2].pk])


def test_polls_beyond_the_free_capacity_are_not_counted(generating: list[VideoJob], settings: Any) -> None:
    settings.PROVIDER_POLLS_PER_MINUTE = 1

    assert sweeper.claim_due_polls(0) == []
    assert taken() == [generating[0].pk]


@pytest.mark.slow
def test_no_minute_sees_more_polls_and_all_jobs_get_their_share(generating: list[VideoJob], settings: Any) -> None:
    settings.PROVIDER_POLLS_PER_MINUTE = 30  # they would need 36
    polls: list[Any] = []

    began_at, passed = time.monotonic(), 0.0
    for tick in range(int(60 / TICK)):
        pass_time(step := tick * TICK - (time.monotonic() - began_at) - passed)
        passed += step
        polls += taken()

    assert 27 <= len(polls) <= 30
    shares = Counter(polls).values()
    assert len(shares) == 3
    assert max(shares) - min(shares) <= 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_sweepers_share_the_quota(generating: list[VideoJob], settings: Any) -> None:
    settings.PROVIDER_POLLS_PER_MINUTE = 1
    for job in generating:
        make_due(job)

    found = at_once([taken] * 4)

    assert sum(map(len, found)) == 1
