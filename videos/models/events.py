"""Events: a numbered record of every change that a client can see of a job, in the transaction of the change."""

import json
import time
import uuid
from collections.abc import Collection, Iterable
from datetime import datetime

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, models, transaction
from django.db.models import Q

from studio.db import batches, json_rows
from studio.db.statements import InParam, Statement
from studio.models import Record

Position = tuple[uuid.UUID, int]  # an owner, and the number of the last event that was read
KEPT_DAYS = 1  # how long a client can be away and still catch up


class EventsExpired(Exception):
    """Events after the number are not kept any more, or the number was never given out: the client lists again."""


class EventCounter(models.Model):  # no Record: it has the owner's key, and each event writes it
    """The number of an owner's newest event.

    Recording an event locks the row until the commit. So numbers have no gap, and are committed in their order: who has
    read number n has missed none below it.
    """

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+")
    last_number = models.BigIntegerField()

    class Meta:
        ordering = ("owner",)

    def __str__(self) -> str:
        return f"event counter of {self.owner_id}"


class Event(Record):
    """One change of a job. It has no copy of the job: readers show the present one, so nothing is shown backwards."""

    class Kind(models.TextChoices):
        """What happened, as the API spells it."""

        CREATED = "job.created"
        UPDATED = "job.updated"
        DELETED = "job.deleted"

    # db_index=False: the constraint's index begins with it
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    number = models.BigIntegerField()
    # Not a foreign key: the event of a deletion outlives its job.
    job_id = models.UUIDField()
    kind = models.CharField(max_length=20, choices=Kind)

    class Meta:
        ordering = ("owner", "number")
        indexes = (
            # the daily purge
            models.Index(fields=("created_at",), name="events_by_age"),
        )
        constraints = (
            # its index serves `read`: an owner's events after a number
            models.UniqueConstraint(name="one_event_a_number", fields=("owner", "number")),
            models.CheckConstraint(
                name="event_kind_is_known", condition=Q(kind__in=("job.created", "job.deleted", "job.updated"))
            ),
        )

    def __str__(self) -> str:
        return f"{self.number}: {self.kind}"


def record(kind: Event.Kind, jobs: Iterable[tuple[uuid.UUID, uuid.UUID]]) -> None:
    """Record a change of these jobs, each named by its owner's id and its own.

    Call it in the transaction of the change, after its other locks (lock order: job, account, look, event counter):
    creations lock the account early, so a transaction that waits for an account must not hold a counter. Raises
    TransactionManagementError outside of a transaction.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("An event is recorded in the transaction of its change.")
    named = [{"owner_id": owner_id.hex, "job_id": job_id.hex} for owner_id, job_id in jobs]
    if not named:
        return
    with connection.cursor() as cursor:
        for statement in _STATEMENTS[connection.vendor]:
            cursor.execute(statement, {"jobs": json.dumps(named), "kind": kind.value})


# Plain SQL: with instances, the hundreds of jobs of a sweeper's tick would take several times as long.
# ORDER BY, so that two transactions cannot lock two counters crosswise.
_ADVANCE = """
    INSERT INTO videos_eventcounter (owner_id, last_number)
    SELECT owner_id, COUNT(*) FROM {jobs} WHERE TRUE
    GROUP BY owner_id ORDER BY owner_id
    ON CONFLICT (owner_id) DO UPDATE SET last_number = videos_eventcounter.last_number + excluded.last_number
"""
_INSERT = """
    INSERT INTO videos_event (id, created_at, updated_at, owner_id, number, job_id, kind)
    SELECT {new_id}, {now}, {now}, owner_id, last_number + 1 - ROW_NUMBER() OVER (PARTITION BY owner_id),
        job_id, %(kind)s
    FROM {jobs} JOIN {counters} USING (owner_id)
"""
_POSTGRESQL = {
    "jobs": "json_to_recordset(%(jobs)s) AS job (owner_id uuid, job_id uuid)",
    "counters": "counter",
    "new_id": "gen_random_uuid()",
    "now": "CLOCK_TIMESTAMP()",  # not the statement's: it may wait for the counter
}
_SQLITE = {
    "jobs": "(SELECT json_extract(value, '$.owner_id') AS owner_id, json_extract(value, '$.job_id') AS job_id"
    " FROM json_each(%(jobs)s)) job",
    "counters": "videos_eventcounter",
    "new_id": "lower(hex(randomblob(16)))",
    "now": "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'now')",
}
_STATEMENTS = {
    "postgresql": [f"WITH counter AS ({_ADVANCE} RETURNING owner_id, last_number) {_INSERT}".format(**_POSTGRESQL)],
    "sqlite": [text.format(**_SQLITE) for text in (_ADVANCE, _INSERT)],  # it has no INSERT in WITH
}


def forget() -> None:
    """Delete all events of a restored database, and raise all counters above any number that a client can have seen.

    The counters of a backup lag behind what clients saw since, and an owner without events has none. Numbers start at
    1 or at an earlier restore, and an owner has less than one event a millisecond, so the milliseconds since 1970 are
    above all of them. JavaScript's integers hold them, too.
    """
    last = int(time.time() * 1000)
    for (owner_id,) in batches.rows(get_user_model()._default_manager.order_by("pk"), "pk"):
        EventCounter.objects.update_or_create(owner_id=owner_id, defaults={"last_number": last})
    Event.objects.all().delete()


def read(*, owner_id: uuid.UUID, after: int, limit: int) -> list[Event]:
    """The owner's next events after this number, the oldest first; at most `limit`.

    Raises EventsExpired.
    """
    found = read_all({(owner_id, after)}, limit=limit).get((owner_id, after), [])
    if found is None:
        raise EventsExpired
    return found


def read_all(positions: Collection[Position], *, limit: int) -> dict[Position, list[Event] | None]:
    """The next events after each position, the oldest first, at most `limit` of each; None where some are not kept.

    A position without later events is left out. Two statements, however many positions there are.
    """
    last = last_numbers({owner_id for owner_id, _ in positions})  # first: what is committed in between is a later event
    behind = [(owner_id, after) for owner_id, after in positions if last.get(owner_id, 0) != after]
    if not behind:
        return {}
    found: dict[Position, list[Event]] = {position: [] for position in behind}
    listed = json.dumps([{"owner_id": owner_id.hex, "after": after} for owner_id, after in behind])
    with connection.cursor() as cursor:
        cursor.execute(_READ[connection.vendor], {"positions": listed, "limit": limit})
        for owner_id, after, number, job_id, kind, created_at in cursor.fetchall():
            event = Event(number=number, kind=kind, created_at=_moment(created_at))
            event.owner_id, event.job_id = _uuid(owner_id), _uuid(job_id)
            found[event.owner_id, after].append(event)
    return {position: events if _is_complete(events, position[1]) else None for position, events in found.items()}


def _is_complete(events: list[Event], after: int) -> bool:
    return bool(events) and [event.number for event in events] == list(range(after + 1, after + 1 + len(events)))


# SQLite stores both as text.


def _uuid(value: uuid.UUID | str) -> uuid.UUID:
    return uuid.UUID(value) if isinstance(value, str) else value


def _moment(value: datetime | str) -> datetime:
    return json_rows.moment(value) if isinstance(value, str) else value


# Plain SQL, because a query set has no pairs of values. Numbers have no gap, so the range has `limit` events at most.
_NEXT = """
    SELECT event.owner_id, position.after, event.number, event.job_id, event.kind, event.created_at
    FROM {positions} JOIN videos_event event ON event.owner_id = position.owner_id
        AND event.number > position.after AND event.number <= position.after + %(limit)s
    ORDER BY event.number
"""
_READ = {
    "postgresql": _NEXT.format(positions="json_to_recordset(%(positions)s) AS position (owner_id uuid, after bigint)"),
    "sqlite": _NEXT.format(
        positions="(SELECT json_extract(value, '$.owner_id') AS owner_id, json_extract(value, '$.after') AS after"
        " FROM json_each(%(positions)s)) position"
    ),
}


def last_numbers(owner_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """The number of the newest event of each owner who has had one."""
    return dict(_LAST.rows(ids=owner_ids))


_LAST = Statement(
    lambda: (
        EventCounter.objects.filter(InParam("owner", "ids", models.UUIDField()))
        .order_by()
        .values_list("owner", "last_number")
    )
)
