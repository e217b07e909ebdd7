"""Mails from outside, over real sockets: register, verify, forget, reset; and a sweeper that is killed."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.smtp import FakeSmtp
from tests.running import PASSWORD, RunningStudio

pytestmark = [pytest.mark.slow, pytest.mark.product, pytest.mark.xdist_group("mail-flow")]
ANN = {"email": "ann@example.com"}
NEW = "another-violet-43"


@pytest.fixture
def server() -> Iterator[FakeSmtp]:
    with FakeSmtp() as fake:
        yield fake


@pytest.fixture
def studio(server: FakeSmtp, tmp_path: Path) -> Iterator[RunningStudio]:
    running = RunningStudio(
        tmp_path,
        EMAIL_URL=f"smtp://127.0.0.1:{server.port}",
        FRONTEND_URL="https://app.example.com",
        REQUIRE_VERIFIED_EMAIL="true",
    )
    yield running
    running.stop()


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("not in a minute")


def token_of(server: FakeSmtp, page: str, *, count: int) -> str:
    """The token of the newest mail, once there are so many."""
    wait_until(lambda: len(server.mails) >= count)
    part = server.mails[-1].get_body(("plain",))
    found = re.search(rf"https://app\.example\.com/{page}\?token=(\S+)", part.get_content() if part else "")
    assert found, server.mails[-1]
    return found[1]


def test_register_verify_forget_reset(studio: RunningStudio, server: FakeSmtp) -> None:
    statuses = []
    with httpx.Client(base_url=f"{studio.url}/api/v1/auth", timeout=30) as client:

        def post(path: str, **form: str) -> None:
            statuses.append((path, client.post(path, json=form).status_code))

        post("/register", **ANN, password=PASSWORD)
        post("/token", **ANN, password=PASSWORD)
        post("/email/verify/confirm", token=token_of(server, "verify-email", count=1))
        post("/token", **ANN, password=PASSWORD)
        post("/password/reset", **ANN)
        post("/password/reset", email="nobody@example.com")
        post("/password/reset/confirm", token=token_of(server, "reset-password", count=2), newPassword=NEW)
        post("/token", **ANN, password=PASSWORD)
        post("/token", **ANN, password=NEW)
    wait_until(lambda: len(server.mails) == 3)

    assert statuses == [
        ("/register", 201),
        ("/token", 403),
        ("/email/verify/confirm", 204),
        ("/token", 200),
        ("/password/reset", 202),
        ("/password/reset", 202),
        ("/password/reset/confirm", 204),
        ("/token", 401),
        ("/token", 200),
    ]
    assert {mail["To"] for mail in server.mails} == {"ann@example.com"}
    logs = "".join(path.read_text() for path in (studio.folder / "logs").glob("*.log"))
    assert [word for word in ("token=", "ann@example.com", PASSWORD, NEW) if word in logs] == []


def test_mail_of_a_killed_sweeper_is_sent_by_the_next_one(studio: RunningStudio, server: FakeSmtp) -> None:
    server.script("data", "hang")
    httpx.post(f"{studio.url}/api/v1/auth/register", json=ANN | {"password": PASSWORD})
    wait_until(lambda: any(command.lower() == "data" for command in server.commands))

    studio.kill("sweeper")
    end_lease = (
        "from accounts.models import AccountTask; from django.db.models.functions import Now; "
        "AccountTask.objects.update(due_at=Now())"
    )
    studio.manage("shell", "-c", end_lease)
    wait_until(lambda: bool(server.mails))

    assert [mail["To"] for mail in server.mails] == ["ann@example.com"]
