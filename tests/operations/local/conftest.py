"""An `up` for each test, and one that the tests of a module share."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.migrated import copy_for_product
from tests.operations.local.up_process import Start, Up
from tests.running import own_database_url, wait_until_healthy


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts `up` in the test's folder, on its own migrated database; stops what is left after the test."""
    started: list[Up] = []
    database = copy_for_product(tmp_path / "data")

    def start_one(*options: str, **environment: str) -> Up:
        up = Up(tmp_path / "data", *options, **{"DATABASE_URL": database, **environment})
        started.append(up)
        return up

    yield start_one
    for up in started:
        up.stop()


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    up = Up(tmp_path_factory.mktemp("up") / "data dir", DATABASE_URL=own_database_url())
    up.wait_for("Show your last video")
    wait_until_healthy(int(up.live_port), process=up.process, output=up.shown)
    yield up
    up.stop()


@pytest.fixture(autouse=True)
def _shown_output(request: pytest.FixtureRequest) -> Iterator[None]:
    """Pytest shows what is written here if the test fails."""
    yield
    if "up" in request.fixturenames:
        sys.stdout.write(request.getfixturevalue("up").shown()[-10_000:])
