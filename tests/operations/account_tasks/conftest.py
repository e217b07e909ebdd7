"""A mail server, a round of the sweeper's, and how a task stands."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models.functions import Now

from accounts.models import AccountTask
from operations.account_tasks import send_mails
from tests.fakes.smtp import FakeSmtp

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
