"""Two of the generators of `make clients`: the one for Python, and the most used one for TypeScript."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.generators import ENVIRONMENT, GENERATORS, Generator, NotHere, install, use
from tests.running import RunningStudio

INSTALL_SECONDS = 90  # below the time-out of a test

pytestmark = [pytest.mark.slow, pytest.mark.product, pytest.mark.once, pytest.mark.xdist_group("clients")]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    running = RunningStudio(Path(tmp_path_factory.mktemp("studio")), **ENVIRONMENT)
    yield running
    running.stop()


@pytest.mark.parametrize("generator", GENERATORS[:2], ids=lambda generator: generator.name)
def test_generated_client_does_all_that_a_frontend_does(generator: Generator, studio: RunningStudio) -> None:
    if generator.is_node:
        try:
            install(every_generator=False, seconds=INSTALL_SECONDS)
        except NotHere as exc:
            pytest.skip(str(exc))

    assert use(generator, studio) == "ok\n"
