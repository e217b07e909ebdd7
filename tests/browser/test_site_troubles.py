"""Our pages when something goes wrong: lost responses, dead streams, missing modules, other tabs, refused links."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser import chromium
from tests.browser.site_walk import LOOK, Person, wait_for_rows
from tests.running import PASSWORD, RunningStudio

# 600: as in the other browser tests
pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.xdist_group("browser"), pytest.mark.timeout(600)]
# Streams that a page has opened, so that a test can send events.
STREAMS = """
window.streams = [];
window.EventSource = class extends EventSource { constructor(url) { super(url); streams.push(this); } };
"""
SEND = "(name) => streams.at(-1).dispatchEvent(new MessageEvent(name))"
OPEN = "window.streams.at(-1)?.readyState === 1"
JOB = {
    "status": "SUCCEEDED",
    "prompt": "She turns",
    "model": "veo-3.1-generate-preview",
    "resolution": "720p",
    "aspectRatio": "9:16",
    "durationSeconds": 8,
    "tokensCharged": 50,
    "tokensRefunded": 0,
    "associatedLooks": [],
    "createdAt": "2026-11-30T10:00:00.000Z",
    "updatedAt": "2026-11-30T10:00:00.000Z",
}
MANY = 130  # jobs: more than one response of the API has


@pytest.fixture(scope="module")
def someone(browser: Browser, site: RunningStudio) -> Iterator[Person]:
    """A person with an account, for all tests of this file."""
    person = Person(browser, site)
    person.page.add_init_script(STREAMS)
    person.register("troubles@example.com")
    person.add_look("City Rain", LOOK)
    yield person
    person.close()


@pytest.fixture
def person(someone: Person) -> Iterator[Person]:
    """The same person; nothing is broken any more, and errors of requests were expected."""
    yield someone
    someone.page.unroute_all(behavior="ignoreErrors")
    someone.expected = set()


@pytest.fixture
def guest(browser: Browser, site: RunningStudio) -> Iterator[Person]:
    person = Person(browser, site)
    yield person
    person.close()


def broken_off(route: Route) -> None:
    """The request arrives, and its response is lost."""
    if route.request.method == "POST":
        route.fetch()
        route.abort()
    else:
        route.continue_()


def test_look_whose_response_is_lost_is_added_once(person: Person) -> None:
    person.go("/looks/new")
    person.page.route("**/api/v1/looks", broken_off)
    person.page.locator(".drop input[type=file]").first.set_input_files(LOOK)
    person.page.get_by_label("Title").fill("Night Rain")
    person.press("Add the look")
    person.page.get_by_text("The server cannot be reached.").wait_for()
    person.page.unroute_all(behavior="wait")
    person.press("Add the look")
    person.heading("Night Rain")

    person.go("/looks?search=night")
    expect(person.page.locator(".card")).to_have_count(1)


def test_stream_that_falls_silent_is_opened_again(person: Person) -> None:
    page = person.page
    page.clock.install()
    person.go("/videos")
    chromium.wait_until(page, OPEN)

    page.clock.fast_forward(30_000)
    page.evaluate(SEND, "ping")
    page.clock.fast_forward(30_000)
    assert page.evaluate("streams.length") == 1
    page.clock.fast_forward(41_000)

    chromium.wait_until(page, "streams.length === 2")
    page.clock.resume()


def test_look_keeps_its_clips_when_they_are_read_again(person: Person) -> None:
    page = person.page
    person.go("/looks?search=city")
    person.page.locator(".card").click()
    person.heading("City Rain")
    person.follow("Make a video")
    expect(page.locator(".strip :checked")).not_to_have_value("")
    person.order("She turns")
    person.heading("Videos")
    wait_for_rows(page, "Ready", 1)
    person.go("/looks?search=city")
    page.locator(".card").click()
    chromium.wait_until(page, OPEN)
    clip = page.locator(".clips li")
    clip.evaluate("(node) => { node.isTheFirst = true }")

    with page.expect_response("**/video-jobs?lookId=*"):
        page.evaluate(SEND, "reset")
    page.wait_for_load_state("networkidle")

    assert clip.evaluate("(node) => node.isTheFirst")


def test_list_of_more_rows_than_a_response_has_stays_whole_when_it_is_read_again(person: Person) -> None:
    page = person.page

    def respond(route: Route) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        jobs = [{**JOB, "id": f"{number:08}-0000-4000-8000-000000000000"} for number in range(MANY)]
        first = 1 + int(query["before"][0][:8]) if "before" in query else 0
        items = jobs[first : first + min(int(query["limit"][0]), 100)]
        route.fulfill(json={"items": items, "total": MANY, "skip": 0, "limit": 100})

    page.route("**/api/v1/video-jobs?*", respond)
    person.go("/videos")
    rows = page.locator("tbody tr")
    for shown in range(40, MANY + 20, 20):
        person.press("Load more")
        expect(rows).to_have_count(min(shown, MANY))
    chromium.wait_until(page, OPEN)
    with page.expect_response("**/video-jobs?limit=30*"):  # the second part
        page.evaluate(SEND, "reset")
    page.wait_for_load_state("networkidle")

    expect(rows).to_have_count(MANY)
    expect(page.get_by_role("button", name="Load more")).to_have_count(0)


def test_list_that_failed_to_load_can_be_tried_again(person: Person) -> None:
    person.expected = {503}
    refusal = {"detail": "Busy.", "code": "too_busy"}
    person.page.route("**/api/v1/looks?*", lambda route: route.fulfill(status=503, json=refusal))
    person.go("/looks")
    person.page.get_by_text("The server is busy. Try again later.").wait_for()

    person.page.unroute_all()
    person.press("Try again")

    expect(person.page.locator(".card").first).to_be_visible()


def test_failed_search_leaves_neither_a_count_nor_more_to_load(person: Person) -> None:
    page = person.page
    looks = [{"id": str(number), "title": "Rain", "thumbnailUrl": None, "videos": []} for number in range(24)]
    busy = {"status": 503, "json": {"detail": "Busy.", "code": "too_busy"}}

    def respond(route: Route) -> None:
        route.fulfill(**busy if "search=night" in route.request.url else {"json": {"items": looks, "total": 40}})

    person.expected = {503}
    page.route("**/api/v1/looks?*", respond)
    person.go("/looks")
    page.get_by_role("button", name="Load more").wait_for()
    page.get_by_role("searchbox").fill("night")
    page.get_by_text("The server is busy.").wait_for()

    expect(page.get_by_role("button", name="Load more")).to_have_count(0)
    expect(page.get_by_text("40 looks")).to_have_count(0)


@pytest.mark.parametrize(("path", "module"), [("/create", "create"), ("/account/keys", "account/keys")])
def test_missing_module_is_said_in_a_sentence(person: Person, path: str, module: str) -> None:
    person.page.route(f"**/pages/{module}.js*", lambda route: route.abort())

    person.go(path)

    person.page.get_by_text("A part of this page is missing").wait_for()
    expect(person.page.get_by_role("button", name="again")).to_have_count(1)


def test_button_of_a_form_keeps_the_focus_while_it_is_sent(person: Person) -> None:
    page = person.page
    held: list[Route] = []
    page.route("**/auth/me", lambda route: held.append(route) if route.request.method == "PATCH" else route.continue_())
    person.go("/account")
    page.get_by_label("Name").fill("Ann")
    save = page.get_by_role("button", name="Save")
    save.press("Enter")
    expect(save).to_have_attribute("aria-disabled", "true")
    expect(save).to_be_focused()
    save.press("Enter")
    held[0].continue_()
    page.get_by_text("Saved.").wait_for()

    assert len(held) == 1


def test_every_tab_has_the_header_and_the_page_of_its_account(browser: Browser, site: RunningStudio) -> None:
    person = Person(browser, site)
    person.register("second@example.com")
    other = person.page.context.new_page()
    other.goto(f"{person.url}/looks")
    other.get_by_role("heading", name="Looks", level=1).wait_for()

    person.go("/account")
    person.press("Sign out")
    person.heading("Sign in")
    for tab in (person.page, other):
        expect(tab.get_by_role("heading", name="Sign in", level=1)).to_be_visible()
        expect(tab.locator("#nav")).to_be_hidden()
    sign_in(other)

    for tab, page in ((other, "Looks"), (person.page, "Profile")):
        expect(tab.get_by_role("heading", name=page, level=1)).to_be_visible()
        expect(tab.locator("#nav")).to_be_visible()
    person.close()


def sign_in(page: Page) -> None:
    page.get_by_label("E-mail address").fill("second@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.locator("main [type=submit]").click()


def test_new_account_that_has_to_verify_its_address_reads_that_a_mail_was_sent(guest: Person) -> None:
    guest.expected = {403}
    refusal = {"detail": "Verify the address first.", "code": "email_unverified"}
    guest.page.route("**/auth/token", lambda route: route.fulfill(status=403, json=refusal))
    guest.go("/register")
    guest.page.get_by_label("E-mail address").fill("strict@example.com")
    guest.page.get_by_label("Password").fill(PASSWORD)
    guest.press("Create an account")

    guest.heading("Verify your address")
    guest.page.get_by_text("Welcome. We have mailed you a link").wait_for()
    expect(guest.page.get_by_label("E-mail address")).to_have_value("strict@example.com")
    expect(guest.page.locator(".error:visible")).to_have_count(0)


@pytest.mark.parametrize("query", ["?token=used", "?token=", ""])
def test_guest_can_ask_for_both_mails_again(guest: Person, query: str) -> None:
    guest.go("/sign-in")
    guest.follow("Verify your address")
    guest.heading("Verify your address")

    guest.expected = {400}
    guest.go(f"/reset-password{query}")
    guest.page.get_by_label("New password").fill(PASSWORD)
    guest.press("Set the password")
    guest.page.get_by_text("This link is not valid any more. Request a new one.").wait_for()
    guest.follow("Send a new link")
    guest.heading("Forgotten password")


def test_german_page_says_all_in_german(browser: Browser, site: RunningStudio) -> None:
    client = site.client("deutsch@example.com", tokens=50)
    order = {"mockMode": "true", "prompt": "Ein Mantel [mock:fail]"}
    job = client.post("/api/v1/video-jobs", data=order).json()["id"]
    client.close()
    person = Person(browser, site, locale="de")
    page = person.page
    person.go("/sign-in")
    person.press("Anmelden")
    expect(page.locator("[data-field=email] .error")).to_have_text("Dieses Feld ist leer.")
    page.locator("[name=email]").fill("deutsch@example.com")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main [type=submit]").click()
    person.heading("Looks")

    person.go(f"/videos/{job}")
    expect(page.locator(".log")).to_contain_text("Der Auftrag ist angenommen")
    person.expected = {400}
    person.go("/account")
    page.locator("[name=newPassword]").fill("12345678")
    page.locator("[name=currentPassword]").fill(PASSWORD)
    person.press("Passwort ändern")
    expect(page.locator("[data-field=newPassword] .error")).to_contain_text("Dieses Passwort ist zu häufig.")
    person.close()
