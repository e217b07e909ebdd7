"""The receiver of all customers' webhooks: each event has to reach it, whatever died on the way."""

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tests.chaos.database import Database
from tests.fakes.receiver import FakeReceiver, Message

if TYPE_CHECKING:
    from tests.chaos.fleet import Customer

WEBHOOKS = "/api/v1/webhooks"


class Receiver(FakeReceiver):
    """Keeps each message, and responds as the scenario says."""

    def __init__(self) -> None:
        super().__init__()
        self._secrets: dict[str, str] = {}  # by the customer's id

    def subscribe(self, customers: Iterable["Customer"]) -> None:
        """Create a webhook for each customer."""
        for customer in customers:
            response = customer.client.post(WEBHOOKS, json={"url": f"{self.url}/{customer.id}"})
            assert response.status_code == 201, response.text
            self._secrets[customer.id] = response.json()["secret"]

    def faults(self, database: Database, *, seconds: float) -> Iterator[str]:
        """Wait until nothing waits to be sent, for so many seconds; then compare what arrived with the events."""
        deadline = time.monotonic() + seconds
        while (waiting := list(_waiting(database))) and time.monotonic() < deadline:
            time.sleep(0.1)
        yield from waiting
        for row in database.rows("SELECT * FROM videos_webhookdelivery WHERE state = 'failed'"):
            yield f"message {row['id']} was given up after {row['attempts']} attempts: {row['last_error']}"
        for row in database.rows("SELECT * FROM videos_webhookendpoint WHERE disabled_at IS NOT NULL"):
            yield f"webhook {row['id']} is disabled: {row['disabled_reason']}"
        yield from self._forged()
        yield from self._missing(database)

    def _forged(self) -> Iterator[str]:
        """Messages with a wrong signature, or another text than before under the same id."""
        texts: dict[str, str] = {}
        for message in self.messages:
            if not message.is_signed_by(self._secrets[_owner_of(message)]):
                yield f"message {message.id} has a wrong signature"
            if texts.setdefault(message.id, message.text) != message.text:
                yield f"message {message.id} was sent with two bodies"

    def _missing(self, database: Database) -> Iterator[str]:
        """Events that were not accepted here. An update of a job that is deleted may be missing; its deletion not."""
        accepted = {(_owner_of(one), one.body["number"]) for one in self.messages if one.response == 204}
        jobs = {row["id"] for row in database.rows("SELECT id FROM videos_videojob")}
        for event in database.rows("SELECT owner_id, number, kind, job_id FROM videos_event"):
            may_miss = event["kind"] != "job.deleted" and event["job_id"] not in jobs
            if (event["owner_id"], event["number"]) not in accepted and not may_miss:
                yield f"{event['kind']} {event['number']} of {event['owner_id']} has not arrived"


def _owner_of(message: Message) -> str:
    return message.path.rpartition("/")[2]


def _waiting(database: Database) -> Iterator[str]:
    """What is still to be done for webhooks."""
    behind = (
        "SELECT endpoint.id FROM videos_webhookendpoint endpoint JOIN videos_eventcounter counter"
        " ON counter.owner_id = endpoint.owner_id WHERE endpoint.last_number < counter.last_number"
    )
    yield from (f"webhook {row['id']} is behind its owner's events" for row in database.rows(behind))
    for row in database.rows("SELECT * FROM videos_webhookdelivery WHERE state = 'pending'"):
        facts = f"due at {row['due_at']}, after {row['attempts']} attempts: {row['last_error']}"
        yield f"message {row['id']} waits, {facts}"
