"""Fixtures that every test may use: users, clients, a clean queue."""

import os
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import tokens
from accounts.models import Session, User
from accounts.registration import create_user
from studio import redis_client
from studio.observability import counters
from tests import migrated

pytest_plugins = [
    "tests.fixtures.google_issuer",
    "tests.fixtures.looks",
    "tests.fixtures.video_jobs",
    "tests.fixtures.event_check",
    "tests.fixtures.staff",
]

MakeUser = Callable[..., User]
SignIn = Callable[[User], APIClient]

# Real hashing takes a tenth of a second a user, on purpose.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Else each test client would read 265 static files first, in 50 ms, a third of the time of a test of the API.
settings.WHITENOISE_AUTOREFRESH = True

settings.MIDDLEWARE = ["tests.known_codes.KnownCodes", *settings.MIDDLEWARE]

PASSWORD = "a-long-enough-passphrase"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """SQLite in a file: threads and processes of a test share it, as they do in the product."""
    database = settings.DATABASES["default"]
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    if database["ENGINE"].endswith("sqlite3"):
        database["TEST"]["NAME"] = settings.DATA_DIR / f"test-{worker}.sqlite3"
    else:
        database["TEST"]["NAME"] = f"test_{worker}_{os.getpid()}"
    database["CONN_MAX_AGE"] = 0  # connections of a test's threads


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Django is to take the copy of the migrated database."""
    return True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that do not depend on the database run on SQLite only; transactional ones get the catalogue restored."""
    if os.environ["DATABASE_URL"]:
        left_out = [item for item in items if not _depends_on_the_database(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
    for item in items:
        mark = item.get_closest_marker("django_db")
        if mark and mark.kwargs.get("transaction"):
            item.add_marker(pytest.mark.django_db(transaction=True, serialized_rollback=True), append=False)


def _depends_on_the_database(item: pytest.Item) -> bool:
    if item.get_closest_marker("once"):
        return False
    needed = {"db", "transactional_db", "live_server"} & set(getattr(item, "fixturenames", ()))
    return bool(needed or item.get_closest_marker("django_db") or item.get_closest_marker("product"))


@pytest.fixture(scope="session")
def _copied_database(django_db_modify_db_settings: None) -> Iterator[None]:
    name = settings.DATABASES["default"]["TEST"]["NAME"]
    if isinstance(name, Path):
        migrated.copy_to_file(name)
        yield
    else:
        migrated.copy_on_server(name)
        yield
        migrated.drop(name)


@pytest.fixture(scope="session")
def django_db_setup(_copied_database: None, django_db_setup: None, django_db_blocker: Any) -> None:
    """Run Django's queries about database features before a test counts its statements."""
    with django_db_blocker.unblock():
        _ = connection.features.supports_json_field  # only SQLite needs one, once a connection
        connection.close()


@pytest.fixture(scope="session", autouse=True)
def _clocks_differ() -> Iterator[None]:
    """Django's clock is ahead of the database's: what needs them to be equal fails at each run, not at some."""
    now = timezone.now
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: now() + timedelta(milliseconds=20))
        yield


@pytest.fixture(autouse=True)
def _clean_cache() -> Iterator[None]:
    yield
    counters.flush()  # otherwise its thread would send them after the next test has begun
    cache.clear()
    redis_client.close_circuit()


@pytest.fixture
def make_user(db: None) -> MakeUser:
    def make(
        email: str = "ann@example.com", *, tokens: int = 1000, staff: bool = False, password: str = PASSWORD
    ) -> User:
        return create_user(email=email, password=password, tokens=tokens, staff=staff)

    return make


def tokens_of(user: User) -> dict[str, str]:
    """The tokens of a new session, without the check of a password."""
    now = timezone.now()
    session = Session.objects.create(
        user=user,
        signed_in_at=now,
        refresh_id=uuid.uuid4(),
        refreshed_at=now,
        expires_at=now + tokens.refresh_lifetime(),
    )
    return tokens.pair(session=session, user=user)


@pytest.fixture
def sign_in() -> SignIn:
    def client_of(user: User) -> APIClient:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens_of(user)['access']}")
        return client

    return client_of


@pytest.fixture
def anonymous() -> APIClient:
    return APIClient()
