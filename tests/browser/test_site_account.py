"""The pages of the account in a real browser, on a desktop and on a phone: webhooks, keys, and the copy of all data."""

import time
import zipfile
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Route, expect

from tests.browser.site_walk import Person
from tests.fakes.receiver import FakeReceiver, Message
from tests.running import PASSWORD

# 600: as in the other browser tests
pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.xdist_group("browser"), pytest.mark.timeout(600)]
RENEW = """(pair) => {
  const before = JSON.parse(localStorage.getItem("studio.session"));
  localStorage.setItem("studio.session", JSON.stringify({...before, ...pair}));
}"""
DELIVERY_SECONDS = 60  # on a busy machine


def messages(receiver: FakeReceiver, count: int) -> list[Message]:
    """Wait until the receiver has this many messages."""
    deadline = time.monotonic() + DELIVERY_SECONDS
    while len(receiver.messages) < count and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(receiver.messages) == count
    return receiver.messages


def secret(person: Person, name: str) -> str:
    """The secret that is shown once; closes its dialog."""
    shown = person.page.get_by_label(name, exact=True).and_(person.page.locator("input")).input_value()
    person.page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(person.page.get_by_role("dialog")).to_have_count(0)
    return shown


def test_webhook_is_added_tested_given_a_new_secret_and_deleted(person: Person, request: pytest.FixtureRequest) -> None:
    page = person.page
    person.register(f"{request.node.callspec.id}-hooks@example.com")
    person.go("/account/webhooks")
    page.get_by_text("No webhooks yet.").wait_for()
    with FakeReceiver() as receiver:
        page.get_by_label("Address").fill(f"{receiver.url}/hooks")
        page.get_by_label("job.deleted").uncheck()
        person.press("Add a webhook")
        first = secret(person, "The new secret")
        row = page.locator(".rows > li")
        expect(row).to_contain_text(f"{receiver.url}/hooks")
        expect(row).to_contain_text("job.created, job.updated")

        person.press("Send a test")
        page.get_by_text("A test is on its way.").wait_for()
        assert messages(receiver, 1)[0].is_signed_by(first)
        person.press("Replace the secret")
        person.page.get_by_role("dialog").get_by_role("button", name="Replace").click()
        second = secret(person, "The new secret")
        person.press("Send a test")
        assert messages(receiver, 2)[1].is_signed_by(second)

        person.press("Deliveries")
        expect(page.locator("dialog .rows > li")).to_have_count(2)
        page.keyboard.press("Escape")
        person.press("Disable")
        expect(row).to_contain_text("Disabled")
        person.press("Enable")
        expect(row).to_contain_text("Active")
        person.press("Delete")
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        page.get_by_text("No webhooks yet.").wait_for()

    assert first != second


def test_key_is_created_and_revoked(person: Person, request: pytest.FixtureRequest) -> None:
    page = person.page
    person.register(f"{request.node.callspec.id}-keys@example.com")
    person.go("/account/keys")

    person.press("Create a key")
    expect(page.locator("[data-field=name] .error")).not_to_be_empty()
    page.get_by_label("Name").fill("A script")
    page.get_by_label("Read videos").check()
    page.get_by_label("Read looks").check()
    person.press("Create a key")
    key = secret(person, "The new secret")
    row = page.locator(".rows > li")
    expect(row).to_contain_text("videos:read, looks:read")
    person.press("Revoke")
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()

    expect(row).to_contain_text("Revoked")
    assert key.startswith("ais_")


def test_person_is_renamed_and_gets_a_copy_of_all_data(person: Person, request: pytest.FixtureRequest) -> None:
    page = person.page
    email = f"{request.node.callspec.id}-data@example.com"
    person.register(email)
    person.go("/account")
    page.get_by_label("Name").fill("Ann")
    person.press("Save")
    page.get_by_text("Saved.").wait_for()
    person.go("/account/data")
    with page.expect_download(timeout=60_000) as download:
        person.press("Download")
    with zipfile.ZipFile(Path(download.value.path())) as copy:
        assert copy.namelist() != []

    person.press("Delete the account")
    page.get_by_role("dialog").get_by_role("button", name="Delete the account").click()

    person.heading("Sign in")


def test_late_refusal_of_an_old_token_leaves_the_new_session(person: Person, request: pytest.FixtureRequest) -> None:
    page = person.page
    person.expected = {401}
    email = f"{request.node.callspec.id}-late@example.com"
    person.register(email)
    held: list[Route] = []
    page.route("**/api/v1/looks?*", lambda route: held.append(route), times=1)  # noqa: PLW0108 - Playwright marks its handlers
    with page.expect_request("**/api/v1/looks?*"):
        person.go("/looks")
    pair = httpx.post(f"{person.url}/api/v1/auth/token", json={"email": email, "password": PASSWORD}).json()
    page.evaluate(RENEW, pair)
    held[0].fulfill(status=401, json={"detail": "The session has ended.", "code": "token_invalid"})

    page.get_by_text("No looks yet").wait_for()
    assert page.evaluate("JSON.parse(localStorage.getItem('studio.session')).access") == pair["access"]


def test_late_refusal_repeats_nothing_as_another_person(person: Person, request: pytest.FixtureRequest) -> None:
    page = person.page
    person.expected = {401}
    email = f"{request.node.callspec.id}-first@example.com"
    person.register(email)
    other = {"email": f"{request.node.callspec.id}-second@example.com", "password": PASSWORD}
    httpx.post(f"{person.url}/api/v1/auth/register", json=other)
    pair = httpx.post(f"{person.url}/api/v1/auth/token", json=other).json()
    held: list[Route] = []
    page.route("**/api/v1/looks?*", lambda route: held.append(route), times=1)  # noqa: PLW0108 - Playwright marks its handlers
    with page.expect_request("**/api/v1/looks?*"):
        person.go("/looks")
    page.evaluate("localStorage.clear()")
    page.evaluate(RENEW, pair | {"id": "another"})
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))

    held[0].fulfill(status=401, json={"detail": "The session has ended.", "code": "token_invalid"})
    page.get_by_role("button", name="Try again").wait_for()

    assert [url for url in sent if "/looks?" in url] == []
