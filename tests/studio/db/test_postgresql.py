"""The PostgreSQL backend checks kept connections without a statement, parses timestamps, and prepares statements."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DataError, close_old_connections, connection, connections
from django.test.utils import CaptureQueriesContext

from accounts.models import User

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's"),
]


def _as_kept_from_an_earlier_request() -> None:
    connection.health_check_enabled, connection.close_at = True, None
    close_old_connections()


def ask() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def end_from_outside(pid: int) -> None:
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    other.close()


def test_healthy_connection_costs_no_statement() -> None:
    first = ask()
    _as_kept_from_an_earlier_request()
    with CaptureQueriesContext(connection) as queries:
        second = ask()

    assert (second, len(queries)) == (first, 1)


def test_connection_that_the_server_has_ended_is_replaced() -> None:
    first = ask()
    end_from_outside(first)

    _as_kept_from_an_earlier_request()

    assert ask() != first


def test_notification_does_not_end_the_connection() -> None:
    name = f"test_{uuid.uuid4().hex}"
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {name}")
    first = ask()
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute(f"NOTIFY {name}")
    other.close()

    assert connection.is_usable()
    assert ask() == first


@pytest.mark.parametrize(
    ("text", "timestamp"),
    [
        ("2026-11-24 12:57:24.12+00", datetime(2026, 11, 24, 12, 57, 24, 120_000, tzinfo=UTC)),
        ("2026-11-24 12:57:24+05:30", datetime(2026, 11, 24, 7, 27, 24, tzinfo=UTC)),
        ("0001-01-01 00:00:00.000001+00", datetime(1, 1, 1, 0, 0, 0, 1, tzinfo=UTC)),
        (None, None),
    ],
)
def test_timestamps_are_parsed(text: str | None, timestamp: datetime | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT CAST(%s AS timestamptz)", [text])
        assert cursor.fetchone() == (timestamp,)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/St_Johns", "UTC"])
def test_timestamps_do_not_depend_on_the_zone_of_the_session(zone: str) -> None:
    """Behind PgBouncer a statement may run in a session where Django has not set the zone."""
    timestamp = datetime(2026, 6, 24, 23, 57, 24, 120_000, tzinfo=UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('TimeZone', %s, false)", [zone])
        cursor.execute("SELECT CAST(%s AS timestamptz)", [timestamp])
        (read,) = cursor.fetchone()
    connection.close()

    assert (read, read.utcoffset()) == (timestamp, timedelta())


def test_timestamp_before_the_first_day_is_an_error() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('TimeZone', 'Asia/Tokyo', false)")
        cursor.execute("SELECT CAST('0001-01-01 05:00+09' AS timestamptz)")
        with pytest.raises(DataError, match="out of range in UTC"):
            cursor.fetchone()
    connection.close()


def test_timestamp_that_python_cannot_hold_is_an_error() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT CAST('infinity' AS timestamptz)")
        with pytest.raises(DataError, match="too large"):
            cursor.fetchone()


def prepared() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [text for (text,) in cursor.fetchall()]


def test_repeated_statement_is_prepared() -> None:
    for _ in range(7):
        list(User.objects.filter(email="nobody@example.com"))

    assert [text for text in prepared() if "accounts_user" in text] != []


def test_prepared_statement_runs_after_a_column_was_added() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE test_prepared (id integer); INSERT INTO test_prepared VALUES (1)")
        try:
            for _ in range(7):
                cursor.execute("SELECT id FROM test_prepared WHERE id = %s", [1])
            cursor.execute("ALTER TABLE test_prepared ADD COLUMN name text")
            cursor.execute("SELECT id FROM test_prepared WHERE id = %s", [1])
            assert cursor.fetchall() == [(1,)]
        finally:
            cursor.execute("DROP TABLE test_prepared")


def test_nested_cursors_keep_their_own_rows() -> None:
    with connection.cursor() as outer:
        outer.execute("SELECT generate_series(1, 2)")
        with connection.cursor() as inner:
            inner.execute("SELECT 'another'")
            assert (outer.fetchone(), inner.fetchone()) == ((1,), ("another",))
        with connection.cursor() as inner:  # the one that was freed
            inner.execute("SELECT 'a third'")
            assert (outer.fetchone(), inner.fetchone()) == ((2,), ("a third",))


def test_closed_cursor_cannot_disturb_the_next_user() -> None:
    with connection.cursor() as closed:
        closed.execute("SELECT 1")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 2")
        closed.close()  # again
        with pytest.raises(AttributeError):
            closed.execute("SELECT 3")
        assert cursor.fetchone() == (2,)


def test_cursor_of_an_ended_connection_is_not_used_again() -> None:
    first = ask()
    connection.close()

    assert ask() != first


def test_cursor_is_used_again_after_an_error() -> None:
    with pytest.raises(DataError), connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")

    assert ask() == ask()
