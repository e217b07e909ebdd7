"""The worker of the queue `webhooks`: it follows hints, and finds what is due without them."""

import threading
import time
from typing import Any

import django_rq
import pytest
from django.db import transaction

from operations import housekeeping
from tests.conftest import MakeUser
from tests.fakes.receiver import FakeReceiver
from tests.fixtures.video_jobs import MakeJob
from tests.videos.webhooks.conftest import MakeWebhook
from videos import tasks
from videos.engine import schedule
from videos.models import Event, WebhookDelivery, events
from videos.webhooks import endpoints
from videos.worker import ThreadWorker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def recorded(job: Any, count: int) -> None:
    for _ in range(count):
        with transaction.atomic():
            events.record(Event.Kind.UPDATED, [(job.owner_id, job.pk)])


def test_events_reach_the_receiver_by_hints(
    make_user: MakeUser, make_job: MakeJob, make_webhook: MakeWebhook, receiver: FakeReceiver, rq_hints: Any
) -> None:
    ann = make_user()
    endpoint = make_webhook(ann, receiver)
    recorded(make_job(ann), 5)

    housekeeping.make_deliveries(threading.Event())
    sent = rq_hints()["webhooks"]
    queues = [django_rq.get_queue("webhooks")]
    ThreadWorker(queues, connection=queues[0].connection).work(burst=True, logging_level="WARNING")

    assert len(sent) == 2  # they lead to the others
    assert sorted(message.body["number"] for message in receiver.messages) == [1, 2, 3, 4, 5]
    assert all(message.is_signed_by(endpoint.secret) for message in receiver.messages)
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"delivered"}


def test_worker_without_hints_finds_what_is_due(
    make_user: MakeUser,
    make_webhook: MakeWebhook,
    receiver: FakeReceiver,
    rq_hints: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(schedule, "SCAN_EVERY", 0.1)
    for _ in range(3):
        endpoints.send_test(endpoint=make_webhook(make_user(f"{_}@example.com"), receiver))
    queue = django_rq.get_queue("webhooks")
    queue.empty()
    worker = ThreadWorker([queue], connection=queue.connection)
    monkeypatch.setattr(worker, "_install_signal_handlers", lambda: None)  # only a process's main thread may

    thread = threading.Thread(target=worker.work, kwargs={"logging_level": "WARNING"})
    thread.start()
    deadline = time.monotonic() + 20
    while len(receiver.messages) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    worker._stop_requested = True
    thread.join(20)

    assert len(receiver.messages) == 3


def test_take_knows_every_queue(make_user: MakeUser, make_job: MakeJob, make_webhook: MakeWebhook) -> None:
    message = endpoints.send_test(endpoint=make_webhook(make_user()))

    assert {queue: tasks.take(queue, limit=5) for queue in tasks.STEP_MODULES} == {
        "submit": [],
        "media": [],
        "webhooks": [str(message.pk)],
    }
