"""Responses while the database or the storage is down."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest
from django.db import connection

from accounts.models import LedgerEntry
from tests.conftest import MakeUser, SignIn
from videos.models import VideoJob

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def database_busy() -> Iterator[None]:
    """Another connection holds the write lock, and this test's connection does not wait for it."""
    settings = connection.settings_dict
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA busy_timeout = 20")
            with closing(sqlite3.connect(settings["NAME"], isolation_level=None)) as rival:
                rival.execute("BEGIN IMMEDIATE")
                yield
        else:
            cursor.execute("SET statement_timeout = 20")
            with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as rival:
                rival.execute("LOCK TABLE accounts_tokenaccount")
                yield
                rival.rollback()
    connection.close()


def test_database_that_does_not_answer_is_a_503_and_nothing_is_written(make_user: MakeUser, sign_in: SignIn) -> None:
    client = sign_in(make_user())

    with database_busy():
        response = client.post("/api/v1/video-jobs", {"mockMode": "true", "prompt": "x"}, format="multipart")

    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert response.json() == {"detail": "The database is not available at the moment.", "code": "database_failed"}
    assert (VideoJob.objects.count(), LedgerEntry.objects.filter(kind="charge").count()) == (0, 0)
