"""The figures of the back office's first page."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from accounts import ledger
from operations import dashboard
from studio.models import Heartbeat
from tests.conftest import MakeUser
from tests.fixtures.staff import MakeStaff
from tests.fixtures.video_jobs import MakeJob
from tests.operations.reconciliation.test_comparison import paid
from videos.models import Upstream, VideoJob, WebhookDelivery
from videos.phases import Phase
from videos.webhooks import endpoints


@pytest.fixture
def office(client: Client, make_staff: MakeStaff) -> Client:
    client.force_login(make_staff("view_videojob"))
    return client


def finished(make_job: MakeJob, owner: Any, *, seconds: float = 60, days_ago: int = 0, **fields: Any) -> VideoJob:
    """A job with this duration and end."""
    job = make_job(owner, **fields)
    end = timezone.now() - timedelta(days=days_ago, seconds=1)
    VideoJob.objects.filter(pk=job.pk).update(created_at=end - timedelta(seconds=seconds), completed_at=end)
    return job


def test_jobs_now_are_counted_by_phase(office: Client, make_user: MakeUser, make_job: MakeJob) -> None:
    ann = make_user()
    first = make_job(ann)
    make_job(ann)
    make_job(ann, phase=Phase.GENERATING)
    make_job(make_user("ben@example.com"), phase=Phase.FAILED)

    figures = office.get("/admin/").context["dashboard"]

    assert [(row.phase, row.count) for row in figures["phases"]] == [
        (Phase.QUEUED, 2),
        (Phase.SUBMITTING, 0),
        (Phase.GENERATING, 1),
        (Phase.STORING, 0),
    ]
    assert (figures["live"], figures["oldest_waiting"]) == (3, first.created_at)


def test_figures_of_today_are_sums(make_user: MakeUser, make_job: MakeJob) -> None:
    ann = make_user()
    upstream = Upstream.objects.exclude(provider="mock").order_by("id")[0]
    Upstream.objects.filter(pk=upstream.pk).update(prices={"720p": "0.4", "1080p": "0.4"})
    real = {
        "mock_mode": False,
        "model": upstream.model.name,
        "provider": upstream.provider,
        "upstream_model": upstream.upstream_model,
    }
    real["duration_seconds"] = 8
    for seconds in (30, 60, 300):
        paid(finished(make_job, ann, phase=Phase.SUCCEEDED, seconds=seconds))
    finished(make_job, ann, phase=Phase.SUCCEEDED, days_ago=2, seconds=9000)
    finished(make_job, ann, phase=Phase.FAILED, error_code="storage_failed", generated_at=timezone.now(), **real)
    finished(make_job, ann, phase=Phase.FAILED, error_code="provider_refused", **real)
    unknown = paid(finished(make_job, ann, phase=Phase.FAILED, error_code="submission_unknown"))
    ledger.refund(user_id=ann.pk, job_id=unknown.pk, note="x")

    today = dashboard._today(timezone.now())

    assert (today.made, today.failed, today.unknown) == (3, 3, 1)
    assert sorted(today.failures) == [("provider_refused", 1), ("storage_failed", 1), ("submission_unknown", 1)]
    assert (today.median_seconds, today.p95_seconds) == (60, 300)
    assert today.dollars == Decimal("3.2")  # the one that was made, though it was not stored
    assert (today.tokens_charged, today.tokens_refunded) == (200, 50)


def test_every_day_has_its_place_in_the_chart(make_user: MakeUser, make_job: MakeJob) -> None:
    ann = make_user()
    now = timezone.now()
    finished(make_job, ann, phase=Phase.SUCCEEDED)
    finished(make_job, ann, phase=Phase.FAILED, days_ago=29)
    finished(make_job, ann, phase=Phase.FAILED, days_ago=30)

    days = dashboard._days(now)

    assert len(days) == 30
    assert [(day, made, lost) for day, made, lost in days if made or lost] == [
        ((now - timedelta(days=29, seconds=1)).date(), 0, 1),
        ((now - timedelta(seconds=1)).date(), 1, 0),
    ]


def test_dead_sweeper_is_an_alarm(office: Client) -> None:
    before = office.get("/admin/").content.decode()
    Heartbeat.objects.create(name="sweeper", beat_at=Now())
    after = office.get("/admin/").content.decode()

    assert ("No job is processed until it runs." in before, "No job is processed until it runs." in after) == (
        True,
        False,
    )


def test_messages_that_wait_for_their_worker_are_an_alarm(office: Client, make_user: MakeUser) -> None:
    endpoint = endpoints.create(owner=make_user(), url="https://hooks.example.com/", kinds=[], origin="http://x")
    message = endpoints.send_test(endpoint=endpoint)
    alarms = []
    for minutes in (9, 11):
        WebhookDelivery.objects.filter(pk=message.pk).update(due_at=timezone.now() - timedelta(minutes=minutes))
        alarms.append("A message to a webhook has waited for 11 minutes" in office.get("/admin/").content.decode())

    assert alarms == [False, True]


def test_dead_live_process_is_a_warning(office: Client) -> None:
    sentence = "start manage.py live; meanwhile clients poll."
    before = office.get("/admin/").content.decode()
    Heartbeat.objects.create(name="live", beat_at=timezone.now() - timedelta(minutes=5))
    dead = office.get("/admin/").content.decode()
    Heartbeat.objects.update(beat_at=timezone.now())
    alive = office.get("/admin/").content.decode()

    assert [sentence in page for page in (before, dead, alive)] == [False, True, False]


def test_figures_need_the_permission_to_view_jobs(client: Client, make_staff: MakeStaff) -> None:
    client.force_login(make_staff("view_look"))

    page = client.get("/admin/")

    assert "dashboard" not in page.context
    assert "Looks" in page.content.decode()


@pytest.mark.parametrize("rows", [1, 3])
def test_dashboard_costs_the_same_for_any_number_of_rows(
    office: Client, make_user: MakeUser, make_job: MakeJob, rows: int, django_assert_max_num_queries: Any
) -> None:
    for _ in range(rows):
        finished(make_job, make_user(f"{_}@example.com"), phase=Phase.SUCCEEDED)
    office.get("/admin/")

    with django_assert_max_num_queries(19) as asked:
        office.get("/admin/")

    assert len(asked) <= 18


def test_mock_videos_are_separate_from_real_ones(office: Client, make_user: MakeUser, make_job: MakeJob) -> None:
    ann = make_user()
    paid(finished(make_job, ann, phase=Phase.SUCCEEDED, mock_mode=True))
    paid(finished(make_job, ann, phase=Phase.FAILED, mock_mode=False))
    make_job(ann, mock_mode=False)

    found = {}
    for kind in ("", "real", "mock", "all", "x"):
        page = office.get("/admin/", {"videos": kind} if kind else {})
        figures, today = page.context["dashboard"], page.context["dashboard"]["today"]
        made, lost = (sum(day[number] for day in figures["days"]) for number in (1, 2))
        found[kind] = (figures["kind"], figures["live"], today.made, today.failed, today.tokens_charged, made, lost)

    every = ("all", 1, 1, 1, 100, 1, 1)  # no provider for real jobs: the same for every filter
    assert found == {
        "": every,
        "real": ("real", 1, 0, 1, 50, 0, 1),
        "mock": ("mock", 0, 1, 0, 50, 1, 0),
        "all": every,
        "x": every,
    }


def test_links_of_the_dashboard_keep_the_kind(office: Client) -> None:
    page = office.get("/admin/", {"videos": "mock"}).content.decode()

    assert "?status=FAILED&amp;mock_mode__exact=1" in page
    assert ('href="?videos=real"' in page, 'href="?videos=mock"' in page) == (True, False)


def test_real_videos_come_first_where_a_provider_makes_them(office: Client, make_user: MakeUser, settings: Any) -> None:
    settings.GEMINI_API_KEY = "key"

    assert office.get("/admin/").context["dashboard"]["kind"] == "real"
