"""People sign in with Google in a real browser, which decides which cookies go from one site to another."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.fakes.google_issuer import FakeIssuer
from tests.running import PASSWORD, RunningStudio

# 600: as in the other browser tests
pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.xdist_group("browser"), pytest.mark.timeout(600)]
VERIFY = "from accounts.models import User; User.objects.update(email_verified_at='2026-11-30T00:00Z')"


@pytest.fixture(scope="module")
def issuer() -> Iterator[FakeIssuer]:
    with FakeIssuer() as running:
        yield running


@pytest.fixture(scope="module")
def studio_with_google(issuer: FakeIssuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    """The product at 127.0.0.1, and Google's page at localhost: another site, as it is in production."""
    page = issuer.authorization_url.replace("127.0.0.1", "localhost")
    folder: Path = tmp_path_factory.mktemp("studio")
    running = RunningStudio(folder, GOOGLE_CERTS_URL=issuer.certs_url, GOOGLE_AUTHORIZATION_URL=page)
    try:
        running.manage("create_api_user", "ann@example.com", "--password-stdin", "--staff", stdin=PASSWORD)
        running.manage("shell", "--command", VERIFY)
        yield running
    finally:
        running.stop()


def test_member_of_staff_reaches_the_requested_page(browser: Browser, studio_with_google: RunningStudio) -> None:
    page = chromium.page_of(browser)
    page.goto(f"{studio_with_google.url}/admin/accounts/user/")

    page.get_by_role("link", name="Sign in with Google").click()
    page.get_by_role("button", name="Ann").click()

    page.wait_for_url(f"{studio_with_google.url}/admin/accounts/user/")
    assert page.get_by_role("link", name="ann@example.com").count() == 1
    assert not [cookie for cookie in page.context.cookies() if cookie["name"] == "google_sign_in"]
    page.context.close()


def test_person_signs_in_to_our_pages(browser: Browser, studio_with_google: RunningStudio) -> None:
    page = chromium.page_of(browser, locale="en")
    page.goto(f"{studio_with_google.url}/sign-in?next=/account")

    page.get_by_role("button", name="Sign in with Google").click()
    page.get_by_role("link", name="Ann").click()

    page.get_by_role("heading", name="ann@example.com").wait_for()
    assert page.url == f"{studio_with_google.url}/account"
    page.context.close()


def test_response_that_this_tab_has_not_asked_for_is_refused(
    browser: Browser, studio_with_google: RunningStudio, issuer: FakeIssuer
) -> None:
    page = chromium.page_of(browser, locale="en")
    page.goto(f"{studio_with_google.url}/sign-in/google#state=x&id_token={issuer.token(nonce='y')}")

    page.get_by_text("Google has not signed you in. Please try again.").wait_for()
    page.context.close()
