"""Account tasks in the sweeper: claims, retries, deaths, and mail servers that refuse, hang or hang up."""

import logging
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.db.models.functions import Now
from django.utils import timezone

from accounts import tasks
from accounts.models import AccountTask, User
from operations import account_tasks
from operations.account_tasks import send_mails
from studio.observability.log import LineFormatter
from tests.conftest import MakeUser
from tests.fakes.smtp import FakeSmtp

pytestmark = pytest.mark.django_db

Kind = AccountTask.Kind
ANN = "ann@example.com"


@pytest.fixture
def server(settings: Any) -> Iterator[FakeSmtp]:
    with FakeSmtp() as fake:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", fake.port, 1
        yield fake


def run() -> None:
    send_mails(threading.Event())


def make_due(**conditions: Any) -> None:
    AccountTask.objects.filter(finished_at=None, **conditions).update(due_at=Now())


def state(task: AccountTask) -> tuple[str, int]:
    """How the task stands, and its attempts."""
    task.refresh_from_db()
    name = "done" if task.finished_at else "given up" if task.failed_at else "waiting"
    return name, task.attempts


def test_mail_reaches_the_server(server: FakeSmtp, make_user: MakeUser) -> None:
    make_user()
    task = tasks.add(Kind.RESET_PASSWORD, email=ANN)

    run()

    (mail,) = server.mails
    assert (mail["To"], mail["Subject"], mail["From"]) == (ANN, "Set a new password", "AI Studio <studio@localhost>")
    assert mail["Message-ID"] == f"<{task.pk}@localhost>"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert state(task) == ("done", 1)


def test_password_is_not_sent_without_tls(server: FakeSmtp, make_user: MakeUser, settings: Any) -> None:
    settings.EMAIL_USE_TLS, settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = True, "ann", "smtp-password"
    make_user()
    task = tasks.add(Kind.RESET_PASSWORD, email=ANN)

    run()

    assert state(task) == ("waiting", 1)
    assert task.last_error.startswith("SMTPNotSupportedError: STARTTLS")
    assert not any(command.startswith("AUTH") for command in server.commands)


@pytest.mark.parametrize(
    ("on", "fault", "error"),
    [
        ("connect", "421 busy", "SMTPConnectError: "),
        ("mail", "550 unknown sender", "SMTPSenderRefused: "),
        ("rcpt", "450 try later", "SMTPRecipientsRefused: "),
        ("data", "451 try later", "SMTPDataError: "),
        ("body", "554 not now", "SMTPDataError: "),
        ("rcpt", "reset", "SMTPServerDisconnected: "),
        ("body", "reset", "SMTPServerDisconnected: "),
        ("connect", "hang", "SMTPServerDisconnected: "),
        ("data", "hang", "SMTPServerDisconnected: "),
    ],
)
def test_refused_mail_is_sent_later(server: FakeSmtp, make_user: MakeUser, on: str, fault: str, error: str) -> None:
    make_user()
    task = tasks.add(Kind.RESET_PASSWORD, email=ANN)
    server.script(on, fault)

    run()
    first = state(task), task.last_error[: len(error)], task.due_at > timezone.now() + timedelta(seconds=5)
    run()  # not due yet
    make_due()
    run()

    assert first == (("waiting", 1), error, True)
    assert (state(task), task.last_error, len(server.mails)) == (("done", 2), "", 1)


def test_server_that_is_away_is_tried_later(make_user: MakeUser, settings: Any, server: FakeSmtp) -> None:
    settings.EMAIL_PORT = 1
    make_user()
    task = tasks.add(Kind.RESET_PASSWORD, email=ANN)

    run()

    assert (state(task), task.last_error[:22]) == (("waiting", 1), "ConnectionRefusedError")


def test_refused_recipient_ends_the_task(
    server: FakeSmtp, make_user: MakeUser, caplog: pytest.LogCaptureFixture
) -> None:
    make_user()
    task = tasks.add(Kind.RESET_PASSWORD, email=ANN)
    server.script("rcpt", "550 no such user")

    run()

    assert (state(task), tasks.failing()) == (("given up", 1), 0)
    assert "no such user" in task.last_error
    (record,) = [record for record in caplog.records if record.message == "account_task.failed"]
    assert (record.levelno, ANN in str(vars(record))) == (logging.WARNING, False)


def test_one_mail_that_fails_does_not_delay_the_others(server: FakeSmtp, make_user: MakeUser) -> None:
    make_user()
    make_user("bob@example.com")
    first = tasks.add(Kind.RESET_PASSWORD, email=ANN)
    tasks.add(Kind.RESET_PASSWORD, email="bob@example.com")
    AccountTask.objects.filter(pk=first.pk).update(due_at="2026-01-01T00:00Z")
    server.script("rcpt", "450 try later")

    run()

    assert [mail["To"] for mail in server.mails] == ["bob@example.com"]


def test_error_keeps_no_link(server: FakeSmtp, make_user: MakeUser) -> None:
    make_user()
    task = tasks.add(Kind.RESET_PASSWORD, email=ANN)
    server.script("body", "554 blocked: http://localhost:8000/reset-password?token=abc-def-123")

    run()

    task.refresh_from_db()
    assert "blocked" in task.last_error
    assert "abc-def" not in task.last_error


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


def test_mail_waits_while_none_can_be_sent(make_user: MakeUser, settings: Any) -> None:
    settings.MAIL_IS_CONFIGURED = False
    make_user()
    task = tasks.add(Kind.RESET_PASSWORD, email=ANN)

    run()

    assert (state(task), task.last_error) == (("waiting", 1), "TryLater: EMAIL_URL is not set.")


def test_mail_to_a_deleted_account_is_dropped(server: FakeSmtp, make_user: MakeUser) -> None:
    ann = make_user()
    task = tasks.add(Kind.PASSWORD_CHANGED, user=ann, email=ANN)
    User.objects.filter(pk=ann.pk).update(email=f"{uuid.uuid4()}@deleted.invalid", is_active=False)

    run()

    assert (state(task), server.mails) == (("done", 1), [])


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


def test_link_is_logged_in_development_only(
    make_user: MakeUser, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    make_user()
    lines = []
    for is_development in (False, True):
        settings.LOG_MAIL_LINKS = is_development
        tasks.add(Kind.RESET_PASSWORD, email=ANN)
        caplog.clear()
        run()
        lines.append("\n".join(map(LineFormatter().format, caplog.records)))

    assert [line.count("link='http://localhost:8000/reset-password?token=") for line in lines] == [0, 1]
    assert ANN not in lines[1]
