"""The sweeper: which work it finds, lost hints, and odd rows."""

from itertools import accumulate, pairwise
from typing import Any

import pytest

from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob, facts
from videos.engine import schedule, sweeper
from videos.models import VideoJob, from_now
from videos.phases import LIVE, Phase


@pytest.mark.django_db(transaction=True)
def test_lost_hints_are_sent_again(make_user: MakeUser, make_job: MakeJob, rq_hints: Any) -> None:
    queued = make_job(make_user(), phase=Phase.QUEUED)
    storing = make_job(queued.owner, phase=Phase.STORING)

    for _ in range(2):  # the second finds nothing due
        sweeper.resend_hints("submit", Phase.QUEUED)
        sweeper.resend_hints("transfer", Phase.STORING)

    assert rq_hints() == {"submit": [str(queued.pk)], "media": [str(storing.pk)], "webhooks": []}


def test_sweeper_runs_one_statement_where_nothing_is_due(
    make_user: MakeUser, make_job: MakeJob, django_assert_num_queries: Any
) -> None:
    ann = make_user()
    later = make_job(ann, phase=Phase.GENERATING)
    VideoJob.objects.filter(pk=later.pk).update(due_at=from_now(60))

    with django_assert_num_queries(1):
        assert sweeper.due_phases() == set()

    make_job(ann, phase=Phase.STORING)
    make_job(ann)
    assert sweeper.due_phases() == {"storing", "queued"}
    assert {*sweeper.STEPS, Phase.GENERATING} == LIVE


def test_odd_row_does_not_stop_the_sweeper(make_user: MakeUser, make_job: MakeJob) -> None:
    ann = make_user()
    odd = make_job(ann, phase=Phase.SUBMITTING, provider="gone")
    lost = make_job(ann, phase=Phase.SUBMITTING)

    sweeper.settle_lost_submits()

    assert (facts(odd)[0], facts(lost)[0]) == ("submitting", "queued")


def test_sweepers_that_tick_one_shortly_after_the_other_share_the_polls() -> None:
    ticks = sorted(
        (moment, name)
        for name, start in (("first", 0.0), ("second", schedule.TICK / 100))
        for moment in accumulate((sweeper.tick_pause() for _ in range(2000)), initial=start)
    )

    # each claims what has become due since any tick
    found = {"first": 0.0, "second": 0.0}
    for (before, _), (now, name) in pairwise(ticks):
        found[name] += now - before

    assert min(found.values()) / sum(found.values()) > 0.4
