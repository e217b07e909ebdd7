"""Concurrent creations, deletions and ends of jobs against one account."""

from collections import Counter
from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any

import pytest

from accounts.models import LedgerEntry
from studio.errors import NotFound
from tests.conftest import MakeUser, SignIn
from tests.fixtures.video_jobs import MakeJob
from tests.threads import at_once
from videos import deletion
from videos.engine import outcomes, submit, sweeper
from videos.models import JobLog, Upstream, VideoJob, new_lease
from videos.phases import Phase
from videos.providers.base import Refused

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_fifty_posts_at_once_make_three_jobs(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user(tokens=1000)
    form = {"mockMode": "true", "prompt": "x"}

    responses = at_once(
        [lambda: sign_in(ann).post("/api/v1/video-jobs", form, format="multipart").status_code for _ in range(50)]
    )

    ann.token_account.refresh_from_db()
    assert Counter(responses) == {202: 3, 429: 47}
    assert sorted(VideoJob.objects.values_list("slot", flat=True)) == [1, 2, 3]
    assert ann.token_account.balance == 850
    assert LedgerEntry.objects.filter(kind="charge").count() == 3


def test_one_key_at_once_makes_one_job(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    form, headers = {"mockMode": "true", "prompt": "x"}, {"Idempotency-Key": "k"}

    responses = at_once(
        [
            lambda: sign_in(ann).post("/api/v1/video-jobs", form, format="multipart", headers=headers).json()["id"]
            for _ in range(10)
        ]
    )

    ann.token_account.refresh_from_db()
    assert (len(set(responses)), VideoJob.objects.count(), ann.token_account.balance) == (1, 1, 950)


def test_repeats_beside_the_deletion_make_no_second_job(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    client = sign_in(ann)
    for round_ in range(5):
        headers = {"Idempotency-Key": f"k{round_}"}
        repeat = partial(
            client.post, "/api/v1/video-jobs", {"mockMode": "true", "prompt": "x"}, format="multipart", headers=headers
        )
        first = repeat().json()["id"]

        *responses, _ = at_once([*[repeat] * 6, partial(client.delete, f"/api/v1/video-jobs/{first}")])

        seen = {
            (response.status_code, response.json().get("id", response.json().get("code"))) for response in responses
        }
        assert seen <= {(202, first), (409, "idempotent_job_deleted")}
    assert (VideoJob.objects.count(), LedgerEntry.objects.filter(kind="charge").count()) == (0, 5)


def test_submitted_by_five_hints_at_once_goes_out_once(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user())

    at_once([lambda: submit.submit(job_id=str(job.pk)) for _ in range(5)])

    job.refresh_from_db()
    assert job.phase == Phase.GENERATING
    assert job.logs.filter(message="The video service has accepted the job.").count() == 1


def test_due_job_is_polled_by_one_sweeper(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)

    taken = at_once([lambda: [found.pk for found, _ in sweeper.claim_due_polls(10)] for _ in range(4)])

    assert [pk for one in taken for pk in one] == [job.pk]


def test_failing_and_deleting_at_once_refunds_once(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    client = sign_in(ann)
    for _ in range(5):
        response: Any = client.post("/api/v1/video-jobs", {"mockMode": "true", "prompt": "x"}, format="multipart")
        seen = [VideoJob.objects.get(pk=response.json()["id"]) for _ in range(2)]

        at_once(
            [
                partial(outcomes.fail, job=seen[0], code="provider_refused"),
                partial(quietly, partial(deletion.delete, job_id=seen[0].pk)),
                partial(outcomes.fail, job=seen[1], code="provider_refused"),
                partial(quietly, partial(deletion.delete, job_id=seen[0].pk)),
            ]
        )

        ann.token_account.refresh_from_db()
        assert ann.token_account.balance == 1000
    assert Counter(LedgerEntry.objects.values_list("kind", flat=True)) == {"charge": 5, "refund": 5, "signup": 1}


def test_refusals_at_once_are_each_counted_once(make_user: MakeUser, make_job: MakeJob, settings: Any) -> None:
    settings.GEMINI_API_KEY = "a key"
    paid = {"provider": "google_omni", "upstream_model": "gemini-omni-1.1-flash", "mock_mode": False}
    Upstream.objects.filter(upstream_model="gemini-omni-1.1-flash").update(retires_on=None)
    jobs = [
        make_job(make_user(f"{name}@example.com"), phase=Phase.SUBMITTING, lease=new_lease(), **paid)
        for name in ("ann", "ben", "cay", "dan")
    ]
    gone = Refused("models/x is not found", code="model_unavailable")

    # each twice: the response to the first one's commit may be lost
    at_once([partial(outcomes.refuse, copy(job), gone) for job in jobs for _ in range(2)])

    named = Upstream.objects.filter(upstream_model="gemini-omni-1.1-flash")
    assert set(named.values_list("refusals", flat=True)) == {len(jobs)}
    assert not named.filter(suspended_at=None).exists()
    made_by = set(VideoJob.objects.values_list("phase", "upstream_model"))
    assert made_by == {(Phase.QUEUED, "gemini-omni-1.2-flash")}
    lines = JobLog.objects.filter(message__contains="another one will generate it").values_list("job", flat=True)
    assert sorted(lines) == sorted(job.pk for job in jobs)


def quietly(call: Callable[[], None]) -> bool:
    """Whether the call found the job still there."""
    try:
        call()
    except NotFound:
        return False
    return True
