"""How far each webhook has got in the events of its owner: pages, turns, pauses, and where it begins."""

import logging

import pytest

from accounts import access
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob
from tests.videos.webhooks.conftest import MakeWebhook, cursor_of, make_deliveries, numbers_of, record
from videos.models import Event, EventCounter, WebhookDelivery, events
from videos.webhooks import dispatch, endpoints

pytestmark = pytest.mark.django_db


def test_backlog_is_worked_off_in_pages(
    make_user: MakeUser, make_job: MakeJob, make_webhook: MakeWebhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "PAGE", 2)
    ann = make_user()
    endpoint = make_webhook(ann)
    record(make_job(ann), *["job.updated"] * 5)

    make_deliveries()

    assert [number for number, _ in numbers_of(endpoint)] == [1, 2, 3, 4, 5]


def test_stop_ends_it_after_a_page(
    make_user: MakeUser, make_job: MakeJob, make_webhook: MakeWebhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "PAGE", 2)
    ann = make_user()
    endpoint = make_webhook(ann)
    record(make_job(ann), *["job.updated"] * 5)
    answers = [False, True]

    dispatch.dispatch(is_stopped=lambda: answers.pop(0))

    assert cursor_of(endpoint) == 2


def test_webhooks_take_turns(
    make_user: MakeUser, make_job: MakeJob, make_webhook: MakeWebhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "PAGE", 2)
    endpoints_of_two = [make_webhook(make_user(email)) for email in ("ann@example.com", "bob@example.com")]
    for endpoint in endpoints_of_two:
        record(make_job(endpoint.owner), *["job.updated"] * 5)
    answers = [False, False, True]

    dispatch.dispatch(is_stopped=lambda: answers.pop(0))

    assert [cursor_of(endpoint) for endpoint in endpoints_of_two] == [2, 2]


def test_cursor_waits_while_many_messages_wait(
    make_user: MakeUser, make_job: MakeJob, make_webhook: MakeWebhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "PAGE", 2)
    monkeypatch.setattr(dispatch, "WAITING_MOST", 3)
    ann = make_user()
    endpoint = make_webhook(ann)
    record(make_job(ann), *["job.updated"] * 5)

    make_deliveries()
    waiting = cursor_of(endpoint)
    WebhookDelivery.objects.filter(number=1).update(state="delivered", due_at=None)
    WebhookDelivery.objects.filter(number=2).update(state="delivered", due_at=None)
    make_deliveries()

    assert (waiting, cursor_of(endpoint)) == (4, 5)


def test_events_that_are_not_kept_are_skipped_with_a_warning(
    make_user: MakeUser, make_job: MakeJob, make_webhook: MakeWebhook, caplog: pytest.LogCaptureFixture
) -> None:
    ann = make_user()
    endpoint = make_webhook(ann)
    record(make_job(ann), "job.created", "job.updated", "job.updated")
    Event.objects.filter(number__lte=2).delete()

    caplog.clear()
    with caplog.at_level(logging.WARNING):
        make_deliveries()

    assert (numbers_of(endpoint), cursor_of(endpoint)) == ([], 3)
    assert [record.message for record in caplog.records] == ["webhook.events_expired"]


def test_webhook_begins_with_the_events_after_its_creation(
    make_user: MakeUser, make_job: MakeJob, make_webhook: MakeWebhook
) -> None:
    ann = make_user()
    job = make_job(ann)
    record(job, "job.created", "job.updated")
    endpoint = make_webhook(ann)
    record(job, "job.updated")

    make_deliveries()

    assert numbers_of(endpoint) == [(3, "job.updated")]


def test_disabled_webhook_is_skipped_and_continues_from_now(
    make_user: MakeUser, make_job: MakeJob, make_webhook: MakeWebhook
) -> None:
    ann = make_user()
    endpoint, job = make_webhook(ann), make_job(ann)
    endpoints.change(endpoint=endpoint, is_active=False)
    record(job, "job.updated")
    make_deliveries()
    endpoints.change(endpoint=endpoint, is_active=True)
    record(job, "job.updated")

    make_deliveries()

    assert numbers_of(endpoint) == [(2, "job.updated")]


def test_deactivated_account_is_sent_nothing(make_user: MakeUser, make_job: MakeJob, make_webhook: MakeWebhook) -> None:
    ann = make_user()
    endpoint = make_webhook(ann)
    record(make_job(ann), "job.updated")
    access.deactivate(user=ann)
    make_deliveries()
    assert numbers_of(endpoint) == []

    access.reactivate(user=ann)
    make_deliveries()

    assert numbers_of(endpoint) == [(1, "job.updated")]


def test_restored_database_sends_nothing_old(make_user: MakeUser, make_job: MakeJob, make_webhook: MakeWebhook) -> None:
    ann = make_user()
    endpoint, job = make_webhook(ann), make_job(ann)
    record(job, "job.updated")
    make_deliveries()
    record(job, "job.updated")
    events.forget()

    dropped = endpoints.settle_restored()
    make_deliveries()

    message = WebhookDelivery.objects.get()
    assert (dropped, message.state, message.last_error) == (1, "failed", "Restored from a backup.")
    assert cursor_of(endpoint) == EventCounter.objects.get(owner=ann).last_number
    record(job, "job.updated")
    make_deliveries()
    assert endpoint.deliveries.count() == 2
