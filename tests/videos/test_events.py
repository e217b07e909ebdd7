"""Events are numbered per owner without a gap, and a reader learns when it has missed some."""

import time
import uuid
from functools import partial

import pytest
from django.db import transaction

from tests.conftest import MakeUser
from tests.threads import at_once
from videos.models import Event, EventsExpired
from videos.models.events import last_numbers, read, record

pytestmark = pytest.mark.django_db

UPDATED = Event.Kind.UPDATED


def test_numbers_of_an_owner_have_no_gap(make_user: MakeUser) -> None:
    ann, bob = make_user(), make_user("bob@example.com")
    jobs = [uuid.uuid4() for _ in range(4)]

    record(Event.Kind.CREATED, [(ann.pk, jobs[0])])
    record(UPDATED, [(bob.pk, jobs[1]), (ann.pk, jobs[2])])
    record(UPDATED, [(ann.pk, jobs[0])])
    record(Event.Kind.DELETED, [(ann.pk, jobs[0])])

    assert [(event.number, event.kind, event.job_id) for event in read(owner_id=ann.pk, after=0, limit=100)] == [
        (1, "job.created", jobs[0]),
        (2, "job.updated", jobs[2]),
        (3, "job.updated", jobs[0]),
        (4, "job.deleted", jobs[0]),
    ]
    assert [(event.number, event.job_id) for event in read(owner_id=bob.pk, after=0, limit=100)] == [(1, jobs[1])]
    assert last_numbers([ann.pk, bob.pk]) == {ann.pk: 4, bob.pk: 1}


def test_a_transaction_that_rolls_back_uses_no_number(make_user: MakeUser) -> None:
    ann, job = make_user(), uuid.uuid4()
    record(UPDATED, [(ann.pk, job)])
    with transaction.atomic():
        record(UPDATED, [(ann.pk, job)])
        transaction.set_rollback(True)
    record(UPDATED, [(ann.pk, job)])

    assert [event.number for event in read(owner_id=ann.pk, after=0, limit=100)] == [1, 2]


@pytest.mark.django_db(transaction=True)
def test_an_event_outside_of_a_transaction_is_refused(make_user: MakeUser) -> None:
    with pytest.raises(transaction.TransactionManagementError, match="in the transaction of its change"):
        record(UPDATED, [(make_user().pk, uuid.uuid4())])


def test_no_jobs_make_no_event(make_user: MakeUser) -> None:
    record(UPDATED, [])
    assert (Event.objects.count(), last_numbers([make_user().pk])) == (0, {})


def test_a_reader_continues_after_its_number(make_user: MakeUser) -> None:
    ann = make_user()
    record(UPDATED, [(ann.pk, uuid.uuid4()) for _ in range(5)])

    assert [event.number for event in read(owner_id=ann.pk, after=1, limit=2)] == [2, 3]
    assert read(owner_id=ann.pk, after=5, limit=2) == []


def test_an_owner_without_events_reads_none(make_user: MakeUser) -> None:
    assert read(owner_id=make_user().pk, after=0, limit=100) == []


@pytest.mark.parametrize("after", [-1, 0, 1, 6, 1_000_000])
def test_a_reader_of_numbers_that_are_not_kept_learns_it(make_user: MakeUser, after: int) -> None:
    ann = make_user()
    record(UPDATED, [(ann.pk, uuid.uuid4()) for _ in range(5)])
    Event.objects.filter(number__lte=2).delete()

    with pytest.raises(EventsExpired):
        read(owner_id=ann.pk, after=after, limit=100)
    assert [event.number for event in read(owner_id=ann.pk, after=2, limit=100)] == [3, 4, 5]


def test_a_reader_learns_of_a_gap_behind_what_it_reads_first(make_user: MakeUser) -> None:
    ann = make_user()
    record(UPDATED, [(ann.pk, uuid.uuid4()) for _ in range(5)])
    Event.objects.filter(number=4).delete()

    with pytest.raises(EventsExpired):
        read(owner_id=ann.pk, after=2, limit=100)


def test_a_reader_of_the_last_number_learns_that_all_later_ones_are_gone(make_user: MakeUser) -> None:
    ann = make_user()
    record(UPDATED, [(ann.pk, uuid.uuid4()) for _ in range(5)])
    Event.objects.all().delete()

    with pytest.raises(EventsExpired):
        read(owner_id=ann.pk, after=4, limit=100)
    assert read(owner_id=ann.pk, after=5, limit=100) == []


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_numbers_appear_in_their_order_while_many_transactions_commit(make_user: MakeUser) -> None:
    ann, seen = make_user(), []

    def change() -> None:
        with transaction.atomic():
            record(UPDATED, [(ann.pk, uuid.uuid4())])
            time.sleep(0.002)  # others begin meanwhile

    def listen() -> None:
        while len(seen) < 60:
            seen.extend(event.number for event in read(owner_id=ann.pk, after=len(seen), limit=100))

    at_once([listen, *[change] * 60])

    assert seen == list(range(1, 61))


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_transactions_never_lock_two_counters_crosswise(make_user: MakeUser) -> None:
    owners = [make_user(f"{name}@example.com") for name in ("ann", "bob", "cid")]

    def change(step: int) -> None:
        with transaction.atomic():
            record(UPDATED, [(owner.pk, uuid.uuid4()) for owner in owners[::step]])

    at_once([partial(change, step) for step in [1, -1] * 25])

    assert last_numbers([owner.pk for owner in owners]) == {owner.pk: 50 for owner in owners}
