"""The cost of a failed job, in every place that shows it."""

import importlib
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import ledger
from accounts.models import User
from operations import housekeeping
from operations.reconciliation.comparison import reconcile
from studio.models import TaskState
from tests.fixtures.video_jobs import MakeJob
from videos import staff_actions
from videos.api.serializers import VideoJobDetail
from videos.engine import outcomes
from videos.failures import FAILURES, cost_of_attempt
from videos.models import VideoJob
from videos.phases import Phase

MakeUser = Callable[..., User]
SignIn = Callable[[User], APIClient]
JOBS, LEDGER = "/api/v1/video-jobs", "/api/v1/tokens/ledger"
SHOWN = ("tokensCharged", "tokensRefunded", "errorMessage")

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(make_user: MakeUser) -> User:
    return make_user(tokens=1000)


@pytest.fixture
def paid_job(owner: User, make_job: MakeJob) -> Callable[[], VideoJob]:
    def make() -> VideoJob:
        job = make_job(owner, phase=Phase.GENERATING)
        ledger.charge(account=ledger.lock_account(user_id=owner.pk), job_id=job.pk, tokens=50)
        return job

    return make


def shown(client: APIClient, job: VideoJob) -> list[tuple[Any, ...]]:
    """The cost in the list and in the detail."""
    detail = client.get(f"{JOBS}/{job.pk}").json()
    item = next(item for item in client.get(JOBS).json()["items"] if item["id"] == str(job.pk))
    return [tuple(view[key] for key in SHOWN) for view in (item, detail)]


def test_failed_job_says_that_its_tokens_were_returned(
    owner: User, paid_job: Callable[[], VideoJob], sign_in: SignIn
) -> None:
    job = paid_job()

    outcomes.fail(job=job, code="operation_lost")

    sentence = f"{FAILURES['operation_lost'].message} Your 50 tokens were returned."
    assert shown(sign_in(owner), job) == [(50, 50, sentence)] * 2
    assert [line.message for line in job.logs.all()] == [
        FAILURES["operation_lost"].message,
        "Your 50 tokens were returned.",
    ]


def test_failed_job_says_that_its_tokens_are_spent(
    owner: User, paid_job: Callable[[], VideoJob], sign_in: SignIn
) -> None:
    job = paid_job()

    outcomes.fail(job=job, code="content_filtered")

    sentence = f"{FAILURES['content_filtered'].message} The attempt cost 50 tokens."
    assert shown(sign_in(owner), job) == [(50, 0, sentence)] * 2
    assert [line.message for line in job.logs.all()] == [
        FAILURES["content_filtered"].message,
        "The attempt cost 50 tokens.",
    ]


def test_later_refund_by_staff_changes_the_sentence(
    owner: User, paid_job: Callable[[], VideoJob], sign_in: SignIn
) -> None:
    job = paid_job()
    outcomes.fail(job=job, code="content_filtered")

    staff_actions.refund(job_id=job.pk, reason="The filter was wrong", actor=None)

    sentence = f"{FAILURES['content_filtered'].message} Your 50 tokens were returned."
    assert shown(sign_in(owner), job) == [(50, 50, sentence)] * 2


@pytest.mark.parametrize("policy", ["unstarted", "failed", "never"])
def test_stopped_job_says_once_that_its_tokens_were_returned(
    paid_job: Callable[[], VideoJob], settings: Any, policy: str
) -> None:
    settings.REFUND_POLICY = policy
    job = paid_job()

    staff_actions.fail_and_refund(job_id=job.pk, reason="It was asked for", actor=None)

    assert [line.message for line in job.logs.all()].count("Your 50 tokens were returned.") == 1
    assert "The attempt cost 50 tokens." not in [line.message for line in job.logs.all()]


def test_job_that_cost_nothing_says_nothing_of_tokens(owner: User, make_job: MakeJob, sign_in: SignIn) -> None:
    job = make_job(owner, phase=Phase.GENERATING, tokens_charged=0)

    outcomes.fail(job=job, code="operation_lost")

    assert shown(sign_in(owner), job) == [(0, 0, FAILURES["operation_lost"].message)] * 2


def test_unfinished_job_shows_that_nothing_was_returned(owner: User, make_job: MakeJob, sign_in: SignIn) -> None:
    job = make_job(owner, phase=Phase.GENERATING)

    assert shown(sign_in(owner), job) == [(50, 0, None)] * 2


@pytest.mark.parametrize(
    ("charged", "refunded", "sentence"),
    [
        (0, 0, ""),
        (50, 0, "The attempt cost 50 tokens."),
        (50, 50, "Your 50 tokens were returned."),
        (50, 30, "30 of your 50 tokens were returned."),
    ],
)
def test_sentence_of_the_cost(charged: int, refunded: int, sentence: str) -> None:
    assert cost_of_attempt(charged=charged, refunded=refunded) == sentence


def test_ledger_of_one_job(owner: User, paid_job: Callable[[], VideoJob], sign_in: SignIn) -> None:
    job = paid_job()
    outcomes.fail(job=job, code="operation_lost")
    VideoJob.objects.filter(pk=paid_job().pk).delete()
    client = sign_in(owner)

    of_job = client.get(LEDGER, {"videoJobId": str(job.pk)}).json()
    of_other = client.get(LEDGER, {"videoJobId": str(uuid.uuid4())}).json()
    malformed = client.get(LEDGER, {"videoJobId": "7"})

    assert [(line["kind"], line["amount"], line["videoJobId"]) for line in of_job["items"]] == [
        ("refund", 50, str(job.pk)),
        ("charge", -50, str(job.pk)),
    ]
    assert (of_job["total"], of_other["total"], of_other["items"]) == (2, 0, [])
    assert (malformed.status_code, malformed.json()["errors"].keys()) == (400, {"videoJobId"})


def test_ledger_of_a_job_of_another_user_is_empty(
    paid_job: Callable[[], VideoJob], make_user: MakeUser, sign_in: SignIn
) -> None:
    stranger = sign_in(make_user("stranger@example.com"))

    assert stranger.get(LEDGER, {"videoJobId": str(paid_job().pk)}).json()["items"] == []


@pytest.fixture
def outdated(owner: User, paid_job: Callable[[], VideoJob]) -> VideoJob:
    """A job of an earlier release, whose refund is in the ledger only."""
    job = paid_job()
    outcomes.fail(job=job, code="operation_lost")
    VideoJob.objects.filter(pk=job.pk).update(tokens_refunded=0)
    return job


def test_migration_copies_refunds_from_the_ledger(outdated: VideoJob, paid_job: Callable[[], VideoJob]) -> None:
    other = paid_job()

    importlib.import_module("videos.migrations.0015_copy_refunds").copy_refunds(apps, None)

    refunded = dict(VideoJob.objects.values_list("pk", "tokens_refunded"))
    assert refunded == {outdated.pk: 50, other.pk: 0}


def test_reconcile_finds_and_mends_a_refund_that_the_job_does_not_show(outdated: VideoJob) -> None:
    sentence = f"Job {outdated.pk} shows 0 returned tokens, the ledger 50."

    def found(*, fix: bool) -> list[str]:
        return [mismatch.sentence for mismatch in reconcile(fix=fix) if mismatch.kind != "stray file"]

    assert (found(fix=False), found(fix=True), found(fix=False)) == ([sentence], [sentence], [])
    outdated.refresh_from_db()
    assert outdated.tokens_refunded == 50


@pytest.mark.parametrize(("age", "refunded"), [(timedelta(minutes=4), 50), (timedelta(minutes=6), 0)])
def test_sweeper_shows_refunds_of_the_release_before_at_once(outdated: VideoJob, age: timedelta, refunded: int) -> None:
    TaskState.objects.create(name="daily", due_at=timezone.now() + timedelta(days=1))
    VideoJob.objects.update(completed_at=timezone.now() - age)

    housekeeping.run_housekeeping(threading.Event())

    outdated.refresh_from_db()
    assert outdated.tokens_refunded == refunded


def test_sweeper_copies_all_refunds_once_a_day(outdated: VideoJob) -> None:
    VideoJob.objects.update(completed_at=timezone.now() - timedelta(days=9))

    housekeeping.reconcile(threading.Event())

    outdated.refresh_from_db()
    assert outdated.tokens_refunded == 50


def test_keys_come_in_the_documented_order(owner: User, make_job: MakeJob, sign_in: SignIn) -> None:
    job = make_job(owner)

    assert list(sign_in(owner).get(f"{JOBS}/{job.pk}").json()) == list(VideoJobDetail().fields)
