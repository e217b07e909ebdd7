"""Mails of accounts: servers that refuse, hang or hang up, and mails that are not sent."""

import logging
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import tasks
from accounts.models import AccountTask, User
from studio.observability.log import LineFormatter
from tests.conftest import MakeUser
from tests.fakes.smtp import FakeSmtp
from tests.operations.account_tasks.conftest import ANN, make_due, run, state

pytestmark = pytest.mark.django_db
Kind = AccountTask.Kind


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
