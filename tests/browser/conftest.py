"""A browser and a running product for each module of browser tests, and a person who uses our pages."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.browser.site_walk import WIDE, Person
from tests.running import RunningStudio

SCREENS = {"desktop": WIDE, "phone": chromium.PHONE}


@pytest.fixture(scope="module")
def _worth_it() -> None:
    if chromium.path() is None:
        pytest.skip("NO CHROMIUM: THE BACK OFFICE IS NOT TESTED IN A BROWSER (on Debian: apt install chromium)")


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory, _worth_it: None) -> Iterator[RunningStudio]:
    running = RunningStudio(tmp_path_factory.mktemp("studio"), MOCK_VIDEO_SECONDS="0")
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def browser(_worth_it: None) -> Iterator[Browser]:
    with chromium.browser() as running:
        yield running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, _worth_it: None) -> Iterator[RunningStudio]:
    """The product. A new account can pay for four videos, and webhooks reach this machine."""
    options = {"MOCK_VIDEO_SECONDS": "0", "SIGNUP_TOKENS": "200", "WEBHOOK_ALLOW_PRIVATE": "true"}
    running = RunningStudio(tmp_path_factory.mktemp("site"), **options)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(params=SCREENS, ids=SCREENS)
def person(request: pytest.FixtureRequest, browser: Browser, site: RunningStudio) -> Iterator[Person]:
    someone = Person(browser, site, viewport=SCREENS[request.param])
    yield someone
    someone.close()
