"""Each event of an owner leads to one message for each webhook that wants it, whatever dies."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.conftest import MakeUser, SignIn
from tests.fixtures.video_jobs import ORDER, MakeJob
from tests.videos.webhooks.conftest import MakeWebhook, cursor_of, make_deliveries, numbers_of, record
from videos import creation, deletion
from videos.engine import cancellation
from videos.models import Event, WebhookDelivery, WebhookEndpoint
from videos.phases import Phase
from videos.webhooks import dispatch

pytestmark = pytest.mark.django_db


def test_each_event_becomes_a_message_with_the_job_as_the_list_shows_it(
    make_user: MakeUser, sign_in: SignIn, make_webhook: MakeWebhook, rq_hints: Any
) -> None:
    ann = make_user()
    endpoint = make_webhook(ann, origin="http://testserver")
    job = creation.create(owner=ann, job_request=ORDER)

    make_deliveries()

    [message] = WebhookDelivery.objects.all()
    body = json_of(message)
    shown = sign_in(ann).get("/api/v1/video-jobs").json()["items"][0]
    event = Event.objects.get()
    stamp = f"{event.created_at:%Y-%m-%dT%H:%M:%S}.{event.created_at.microsecond // 1000:03}Z"
    assert body == {"type": "job.created", "timestamp": stamp, "number": 1, "data": shown}
    assert (message.endpoint, message.number, message.kind, message.job_id) == (endpoint, 1, "job.created", job.pk)
    assert (message.state, message.attempts, cursor_of(endpoint)) == ("pending", 0, 1)


def json_of(message: WebhookDelivery) -> Any:
    return json.loads(message.body)


def test_nothing_is_written_where_nothing_is_new(make_user: MakeUser, make_webhook: MakeWebhook) -> None:
    make_webhook(make_user())

    with CaptureQueriesContext(connection) as statements:
        make_deliveries()

    assert len(statements) == 1


def test_creation_of_a_job_costs_no_statement_more_with_webhooks(
    make_user: MakeUser, make_webhook: MakeWebhook, rq_hints: Any
) -> None:
    ann, bob = make_user(), make_user("bob@example.com")
    for _ in range(3):
        make_webhook(ann)
    for user in (ann, bob):  # fills caches
        creation.create(owner=user, job_request=ORDER)

    counts = []
    for user in (ann, bob):
        with CaptureQueriesContext(connection) as statements:
            creation.create(owner=user, job_request=ORDER)
        counts.append(len(statements))

    assert counts[0] == counts[1]


def test_webhook_is_sent_the_kinds_that_it_chose(
    make_user: MakeUser, make_job: MakeJob, make_webhook: MakeWebhook
) -> None:
    ann = make_user()
    job = make_job(ann)
    every, few, none = (
        make_webhook(ann),
        make_webhook(ann, kinds=["job.deleted", "job.created"]),
        make_webhook(make_user("bob@example.com")),
    )
    record(job, "job.created", "job.updated", "job.updated", "job.deleted")

    make_deliveries()

    assert numbers_of(every) == [(1, "job.created"), (2, "job.updated"), (3, "job.updated"), (4, "job.deleted")]
    assert numbers_of(few) == [(1, "job.created"), (4, "job.deleted")]
    assert numbers_of(none) == []
    assert [cursor_of(one) for one in (every, few, none)] == [4, 4, 0]


def test_deletion_has_the_id_alone_and_what_was_before_it_is_not_sent(
    make_user: MakeUser, make_webhook: MakeWebhook, rq_hints: Any
) -> None:
    ann = make_user()
    endpoint = make_webhook(ann)
    job = creation.create(owner=ann, job_request=ORDER)
    deletion.delete(job_id=job.pk)

    make_deliveries()

    [message] = endpoint.deliveries.all()
    assert json_of(message)["data"] == {"id": str(job.pk)}
    assert (message.kind, message.number, cursor_of(endpoint)) == ("job.deleted", 2, 2)


def test_messages_show_the_newest_state(make_user: MakeUser, make_webhook: MakeWebhook, rq_hints: Any) -> None:
    ann = make_user()
    endpoint = make_webhook(ann)
    job = creation.create(owner=ann, job_request=ORDER)
    cancellation.cancel(job_id=job.pk, actor=ann)

    make_deliveries()

    assert {json_of(message)["data"]["status"] for message in endpoint.deliveries.all()} == {"FAILED"}


def test_two_sweepers_make_each_message_once(make_user: MakeUser, make_job: MakeJob, make_webhook: MakeWebhook) -> None:
    ann = make_user()
    endpoint = make_webhook(ann)
    record(make_job(ann), "job.created", "job.updated")
    stale = WebhookEndpoint.objects.get()

    make_deliveries()
    is_full = dispatch._dispatch_page(stale)  # as the other sweeper, which has read the row before

    assert is_full is False
    assert numbers_of(endpoint) == [(1, "job.created"), (2, "job.updated")]


def test_crash_before_the_commit_loses_nothing(
    make_user: MakeUser, make_job: MakeJob, make_webhook: MakeWebhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = make_user()
    endpoint = make_webhook(ann)
    record(make_job(ann), "job.created")

    def die(*args: Any, **options: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(dispatch, "hint", die)
        with pytest.raises(SystemExit):
            make_deliveries()
    assert (numbers_of(endpoint), cursor_of(endpoint)) == ([], 0)
    make_deliveries()

    assert (numbers_of(endpoint), cursor_of(endpoint)) == ([(1, "job.created")], 1)


def test_statements_do_not_depend_on_the_number_of_events(
    make_user: MakeUser, make_job: MakeJob, make_webhook: MakeWebhook
) -> None:
    ann = make_user()
    make_webhook(ann)
    job = make_job(ann, phase=Phase.SUCCEEDED)
    counts = []
    for many in (1, 3):
        record(job, *["job.updated"] * many)
        with CaptureQueriesContext(connection) as statements:
            make_deliveries()
        counts.append(len(statements))

    assert counts[0] == counts[1]
