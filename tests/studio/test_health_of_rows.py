"""`/readyz` is 503 while no row can be written, whatever can be read: a full disk, a database in read-only mode."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client

from studio import examinations
from studio.health import Finding, Health
from studio.models import Heartbeat

pytestmark = pytest.mark.django_db(transaction=True)  # readyz looks from a thread of its own
READ_ONLY = {
    "postgresql": ("SET default_transaction_read_only = on", "RESET default_transaction_read_only"),
    "sqlite": ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
}


@pytest.fixture(autouse=True)
def _nothing_written_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examinations, "_row_written_at", float("-inf"))


@pytest.fixture
def _read_only() -> Iterator[None]:
    begin, end = READ_ONLY[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(begin)
    yield
    with connection.cursor() as cursor:
        cursor.execute(end)


def test_row_is_written_and_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = examinations._rows()
    beat_at = Heartbeat.objects.get(name="readyz").beat_at
    monkeypatch.setattr(examinations, "_row_written_at", float("-inf"))

    assert [first, examinations._rows()] == [Finding(Health.OK, "One was written.")] * 2
    assert Heartbeat.objects.get(name="readyz").beat_at > beat_at


def test_who_asks_again_and_again_writes_once(client: Client) -> None:
    examinations._rows()
    Heartbeat.objects.all().delete()

    answers = [client.get("/readyz").json()["checks"]["rows"] for _ in range(3)]

    assert answers == [{"status": "ok"}] * 3
    assert not Heartbeat.objects.exists()


@pytest.mark.usefixtures("_read_only")
def test_database_in_read_only_mode_is_down() -> None:
    finding = examinations._rows()

    reason = {"postgresql": "cannot execute", "sqlite": "attempt to write a readonly database"}[connection.vendor]
    assert finding.health == Health.DOWN
    assert finding.sentence.startswith(f"No row can be written: {reason}")
    assert examinations._row_written_at == float("-inf")  # the next one tries again


def test_site_whose_rows_cannot_be_written_is_not_ready(client: Client) -> None:
    trigger = {
        "sqlite": "CREATE TRIGGER full_disk BEFORE INSERT ON studio_heartbeat BEGIN SELECT RAISE(FAIL, 'full'); END",
        "postgresql": "ALTER TABLE studio_heartbeat ADD CONSTRAINT full_disk CHECK (false)",
    }
    undo = {
        "sqlite": "DROP TRIGGER full_disk",
        "postgresql": "ALTER TABLE studio_heartbeat DROP CONSTRAINT full_disk",
    }
    with connection.cursor() as cursor:
        cursor.execute(trigger[connection.vendor])
    try:
        answer = client.get("/readyz")
    finally:
        with connection.cursor() as cursor:
            cursor.execute(undo[connection.vendor])

    assert (answer.status_code, answer.json()["checks"]["database"], answer.json()["checks"]["rows"]) == (
        503,
        {"status": "ok"},
        {"status": "down"},
    )
