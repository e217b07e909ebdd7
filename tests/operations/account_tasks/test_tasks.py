"""Account tasks in the sweeper: claims, retries and deaths."""

import logging
import threading
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from accounts import tasks
from accounts.models import AccountTask
from operations import account_tasks
from operations.account_tasks import send_mails
from tests.conftest import MakeUser
from tests.fakes.smtp import FakeSmtp
from tests.operations.account_tasks.conftest import ANN, make_due, run, state
from tests.operations.account_tasks.test_mails import Kind

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
def test_two_sweepers_send_each_mail_once(server: FakeSmtp, make_user: MakeUser) -> None:
    emails = [f"user{number}@example.com" for number in range(12)]
    for email in emails:
        make_user(email)
        tasks.add(Kind.RESET_PASSWORD, email=email)
    barrier = threading.Barrier(2)

    def sweep() -> None:
        barrier.wait()
        run()
        connections.close_all()

    sweepers = [threading.Thread(target=sweep) for _ in range(2)]
    for sweeper in sweepers:
        sweeper.start()
    for sweeper in sweepers:
        sweeper.join()

    assert sorted(mail["To"] for mail in server.mails) == sorted(emails)
    assert set(AccountTask.objects.values_list("attempts", flat=True)) == {1}


def test_task_of_a_dead_process_is_repeated_when_its_lease_ends(server: FakeSmtp, make_user: MakeUser) -> None:
    make_user()
    task = tasks.add(Kind.RESET_PASSWORD, email=ANN)
    claimed = tasks.claim(account_tasks.MAILS)  # and its process dies

    run()
    meanwhile = len(server.mails)
    make_due(due_at__lte=timezone.now() + tasks.LEASE)
    run()

    assert claimed == task
    assert (meanwhile, len(server.mails), state(task)) == (0, 1, ("done", 2))


def test_process_that_lost_its_lease_writes_nothing(server: FakeSmtp, make_user: MakeUser) -> None:
    make_user()
    task = tasks.add(Kind.EXPORT)
    late = tasks.claim([Kind.EXPORT])
    make_due()
    other = tasks.claim([Kind.EXPORT])
    assert late
    assert other

    tasks.fail(late, tasks.CannotSucceed("too late"))
    finished = [tasks.finish(late, content=b"late"), tasks.finish(other, content=b"zip")]

    assert finished == [False, True]
    task.refresh_from_db()
    assert (bytes(task.content or b""), task.failed_at, task.attempts) == (b"zip", None, 2)


def test_task_whose_process_dies_each_time_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    task = tasks.add(Kind.EXPORT)
    claims = 0
    while tasks.claim([Kind.EXPORT]):
        claims += 1
        make_due()

    assert (claims, state(task)[0]) == (tasks.MAX_ATTEMPTS, "given up")
    assert caplog.records[-1].levelno == logging.ERROR


def test_retries_back_off_and_end_after_about_a_day(server: FakeSmtp, make_user: MakeUser) -> None:
    make_user()
    task = tasks.add(Kind.RESET_PASSWORD, email=ANN)
    server.script("mail", "451 try later", times=100)
    pauses = []
    for _ in range(tasks.MAX_ATTEMPTS):
        run()
        task.refresh_from_db()
        pauses.append(round((task.due_at - timezone.now()).total_seconds(), -1))
        make_due(failed_at=None)
    run()

    assert pauses[:4] == [10, 20, 40, 80]
    assert pauses[9:] == [3600] * 21
    assert 20 * 3600 < sum(pauses[:-1]) < 24 * 3600
    assert (state(task), tasks.failing()) == (("given up", tasks.MAX_ATTEMPTS), 1)


def test_defect_of_a_handler_is_logged_and_the_task_is_tried_again(
    make_user: MakeUser, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "no.such.Backend"
    make_user()
    task = tasks.add(Kind.RESET_PASSWORD, email=ANN)

    run()

    assert (state(task), task.last_error[:19]) == (("waiting", 1), "ModuleNotFoundError")
    assert "account_task.crashed" in [record.message for record in caplog.records]


def test_stopped_sweeper_leaves_the_rest_for_the_next_one(server: FakeSmtp, make_user: MakeUser) -> None:
    make_user()
    task = tasks.add(Kind.RESET_PASSWORD, email=ANN)
    stopping = threading.Event()
    stopping.set()

    send_mails(stopping)

    assert (state(task), server.mails) == (("waiting", 0), [])


def test_task_is_tried_again_by_staff_unless_it_is_done_or_in_progress(server: FakeSmtp, make_user: MakeUser) -> None:
    make_user()
    task = tasks.add(Kind.RESET_PASSWORD, email=ANN)
    server.script("rcpt", "550 no such user")
    run()

    repeated = tasks.try_again(task=task)
    due = state(task)
    claimed = tasks.claim(account_tasks.MAILS)
    in_progress = tasks.try_again(task=task)
    assert claimed
    tasks.finish(claimed)

    assert (repeated, due, in_progress, tasks.try_again(task=task)) == (True, ("waiting", 0), False, False)
