"""The health check of kept connections."""

import uuid

import pytest
from django.db import close_old_connections, connection, connections
from django.test.utils import CaptureQueriesContext

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


def test_message_of_the_server_is_not_taken_for_an_end() -> None:
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
